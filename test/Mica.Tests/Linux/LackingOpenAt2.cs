using Mica.Linux;

namespace Mica.Tests.Linux;

/// <summary>While it lives, this thread's calls go as on a kernel without openat2(2).</summary>
internal sealed class LackingOpenAt2 : IDisposable
{
    public LackingOpenAt2() => DirectoryHandle.LacksOpenAt2 = true;

    public void Dispose() => DirectoryHandle.LacksOpenAt2 = false;
}
