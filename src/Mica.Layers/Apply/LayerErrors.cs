using Mica.Linux;
using Mica.Oci;

namespace Mica.Layers;

/// <summary>The failures of applying a layer, in words.</summary>
internal static class LayerErrors
{
    public static MicaException Malformed(LinuxPath entry, string problem) => new(ErrorKind.ContentMismatch, $"{entry}: {problem}");

    public static MicaException TooLarge(long limit) =>
        new(ErrorKind.Failed, $"the layer unpacks to more than {limit} bytes, the limit; --max-layer-size accepts more");

    /// <summary>The kernel refused something for <paramref name="entry"/>: <c>usr/bin/x: write: no space left on device (ENOSPC)</c>.</summary>
    public static MicaException Of(LinuxPath entry, string problem, Errno errno) => new(Kind(errno), $"{entry}: {problem}");

    private static ErrorKind Kind(Errno errno) => errno switch
    {
        Errno.EACCES or Errno.EPERM or Errno.EROFS => ErrorKind.PermissionDenied,
        Errno.ENAMETOOLONG or Errno.ELOOP or Errno.ENOTDIR => ErrorKind.ContentMismatch,
        _ => ErrorKind.Failed,
    };
}
