namespace Mica.Dockerfile;

/// <summary>How concurrent steps use a cache mount.</summary>
public enum CacheSharing
{
    /// <summary>All at once.</summary>
    Shared,

    /// <summary>A new cache for each that comes while one is in use.</summary>
    Private,

    /// <summary>One after the other.</summary>
    Locked,
}

/// <summary>A file system that one RUN sees. Each type is a sealed record; paths are as written, after expansion.</summary>
public abstract record RunMount;

/// <summary>Files of the context, a stage or an image. Writes are dropped afterwards.</summary>
/// <param name="Target">Relative to the working directory.</param>
/// <param name="Source">Below the root of <paramref name="From"/>.</param>
/// <param name="From">Stage, image or named context; null is the build context.</param>
/// <param name="ReadOnly">The default.</param>
public sealed record BindMount(string Target, string? Source, string? From, bool ReadOnly) : RunMount;

/// <summary>A directory that outlives the build.</summary>
/// <param name="Id">What names the cache; the target when not given.</param>
/// <param name="From">Where the initial content comes from.</param>
/// <param name="Target">Relative to the working directory.</param>
/// <param name="Sharing">Shared by default.</param>
/// <param name="Source">A directory of that content.</param>
/// <param name="ReadOnly">Not the default.</param>
/// <param name="Ownership">Of the directory when it is made.</param>
public sealed record CacheMount(string Target, string? Id, CacheSharing Sharing, string? From, string? Source, bool ReadOnly, FileOwnership Ownership) : RunMount;

/// <summary>An empty directory in memory.</summary>
/// <param name="Size">Upper limit in bytes; null is the kernel's default.</param>
/// <param name="Target">Relative to the working directory.</param>
public sealed record TmpfsMount(string Target, long? Size) : RunMount;

/// <summary>A secret as file, as environment variable, or both.</summary>
/// <param name="Id">Which secret.</param>
/// <param name="Target">Null when it is only a variable.</param>
/// <param name="Environment">Name of the variable; null when it is only a file.</param>
/// <param name="Required">A missing secret fails the step.</param>
/// <param name="Ownership">Of the file; 0400 and root by default.</param>
public sealed record SecretMount(string Id, string? Target, string? Environment, bool Required, FileOwnership Ownership) : RunMount;

/// <summary>The socket of an SSH agent.</summary>
/// <param name="Id"><c>default</c> when not given.</param>
/// <param name="Target">Null is <c>/run/buildkit/ssh_agent.N</c>, N being the mount's number among these.</param>
/// <param name="Required">A missing agent fails the step.</param>
/// <param name="Ownership">Of the socket; 0600 and root by default.</param>
public sealed record SshMount(string Id, string? Target, bool Required, FileOwnership Ownership) : RunMount;

/// <summary>Mode and owner of what a mount shows; null ones take the type's default.</summary>
public sealed record FileOwnership(int? Mode, int? UserId, int? GroupId);
