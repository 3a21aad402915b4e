using Mica.Linux;

namespace Mica.Build;

/// <summary>What describing files and copying them have in common.</summary>
internal static class CopySources
{
    /// <summary>The mode that counts: with portable modes, only whether the owner may execute.</summary>
    public static uint Mode(FileStatus status, bool portable) => !portable ? status.Mode
        : status.Kind == FileKind.Directory || (status.Mode & 0x40) != 0 ? 0x1edu : 0x1a4u;
}
