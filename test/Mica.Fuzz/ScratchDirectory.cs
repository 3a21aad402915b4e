using Mica.Linux;

namespace Mica.Fuzz;

/// <summary>A directory of one target's own.</summary>
internal sealed class ScratchDirectory : IDisposable
{
    public ScratchDirectory()
    {
        Path = Directory.CreateTempSubdirectory("mica-fuzz-").FullName;
        Handle = DirectoryHandle.Open(Path);
    }

    public string Path { get; }

    public DirectoryHandle Handle { get; }

    public string Combine(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        Handle.Dispose();
        LinuxFileSystem.RemoveTree(Path);
    }
}
