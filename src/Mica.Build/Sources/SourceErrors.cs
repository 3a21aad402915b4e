using Mica.Layers;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Build;

/// <summary>What the system's refusals mean for whoever reads a source of files that belongs to somebody else.</summary>
internal static class SourceErrors
{
    /// <summary>Something was there, and then not, or not the same.</summary>
    public static MicaException Changed(string what, string source) =>
        new(ErrorKind.Failed, $"{what}: changed while it was read from {source}; run the build again");

    /// <summary>The failure to read what is at <paramref name="path"/>, as one clear line with the way out.</summary>
    public static MicaException Translate(LinuxException failure, LinuxPath path, string source) => failure.Errno switch
    {
        Errno.EACCES or Errno.EPERM => new(
            ErrorKind.PermissionDenied, $"/{path}: permission denied in {source}; make it readable, or leave it out by .dockerignore", failure),
        Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP => Changed($"/{path}", source),
        _ => new(ErrorKind.Failed, $"/{path}: {LinuxException.Describe(failure.Errno)} in {source}", failure),
    };
}
