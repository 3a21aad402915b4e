using System.Collections.Immutable;

namespace Mica.Registry;

/// <summary>
/// Where credentials may be: what the environment and the command line say, handed down by the program. Files are looked
/// at in this order: <see cref="ExplicitFile"/>, <see cref="DockerAuthConfig"/>, <c>containers/auth.json</c> in
/// <see cref="RuntimeDirectory"/> and then in <see cref="ConfigHome"/>, <c>config.json</c> in
/// <see cref="DockerConfigDirectory"/>. A file that does not exist holds nothing. containers-auth.json(5), docker login.
/// </summary>
public sealed record CredentialLocations
{
    /// <summary>A file the user named (<c>--authfile</c>, <c>REGISTRY_AUTH_FILE</c>): looked at first, and the one that logins go to.</summary>
    public string? ExplicitFile { get; init; }

    /// <summary>The content of a docker <c>config.json</c> that came in a variable (<c>DOCKER_AUTH_CONFIG</c>); never written.</summary>
    public string? DockerAuthConfig { get; init; }

    /// <summary><c>XDG_RUNTIME_DIR</c>.</summary>
    public string? RuntimeDirectory { get; init; }

    /// <summary><c>XDG_CONFIG_HOME</c>, usually <c>~/.config</c>.</summary>
    public string? ConfigHome { get; init; }

    /// <summary><c>DOCKER_CONFIG</c>, usually <c>~/.docker</c>. Logins go to its <c>config.json</c> unless something else is configured.</summary>
    public string? DockerConfigDirectory { get; init; }

    /// <summary>Where <c>docker-credential-*</c> programs are looked for: the parts of <c>PATH</c>.</summary>
    public ImmutableArray<string> ProgramDirectories { get; init; } = [];

    /// <summary>How long such a program may take; it may be asking its user for a passphrase.</summary>
    public TimeSpan ProgramTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long to wait for another login that is writing the same file.</summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromSeconds(10);

    internal ImmutableArray<string> Files => [.. new[]
    {
        ExplicitFile,
        RuntimeDirectory is null ? null : Path.Combine(RuntimeDirectory, "containers", "auth.json"),
        ConfigHome is null ? null : Path.Combine(ConfigHome, "containers", "auth.json"),
        DockerConfigDirectory is null ? null : Path.Combine(DockerConfigDirectory, "config.json"),
    }.OfType<string>().Distinct()];

    /// <summary>Where a login goes when no file says anything about the registry. Docker's file outlives a reboot, and every client reads it.</summary>
    internal string? DefaultFile => ExplicitFile
        ?? (DockerConfigDirectory is null ? null : Path.Combine(DockerConfigDirectory, "config.json"))
        ?? Files.FirstOrDefault();
}
