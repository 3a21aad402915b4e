using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Build;

/// <summary>The source of a COPY whose files all stand in the Dockerfile.</summary>
internal sealed class EmptyTree : ISourceTree
{
    public static EmptyTree Instance { get; } = new();

    public string DisplayName => "nothing";

    public bool IsOwnedByRoot => true;

    public FileStatus? Find(LinuxPath path) => null;

    public ISourceDirectory OpenDirectory(LinuxPath path) => throw Nothing(path);

    public SafeFileHandle OpenFile(LinuxPath path) => throw Nothing(path);

    public LinuxPath Resolve(LinuxPath path) => path;

    private static MicaException Nothing(LinuxPath path) => new(ErrorKind.NotFound, $"/{path}: not found");
}
