using Mica.Linux;

namespace Mica.Tests.Linux;

/// <summary>A directory of one test's own, open, and gone when the test ends.</summary>
internal sealed class ScratchDirectory : IDisposable
{
    public ScratchDirectory()
    {
        Path = Directory.CreateTempSubdirectory("mica-test-").FullName;
        Handle = DirectoryHandle.Open(Path);
    }

    public string Path { get; }

    public DirectoryHandle Handle { get; }

    public string Combine(string name) => System.IO.Path.Combine(Path, name);

    public void WriteFile(string name, string content)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Combine(name))!);
        File.WriteAllText(Combine(name), content);
    }

    public void Dispose()
    {
        Handle.Dispose();
        LinuxFileSystem.RemoveTree(Path);
    }
}
