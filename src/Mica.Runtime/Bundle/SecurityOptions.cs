using Mica.Oci;

namespace Mica.Runtime;

/// <summary><c>--security-opt</c>, read. What this machine has no module for is accepted with the value that means nothing.</summary>
internal sealed record SecurityOptions
{
    public bool NoNewPrivileges { get; private init; }

    /// <summary>null: ours; <c>unconfined</c>: none; else the file of a profile.</summary>
    public string? Seccomp { get; private init; }

    public bool ShowsSystemPaths { get; private init; }

    public string? AppArmor { get; private init; }

    public string? SelinuxLabel { get; private init; }

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not an option.</exception>
    public static SecurityOptions Parse(IEnumerable<string> options)
    {
        SecurityOptions result = new();
        foreach (string option in options)
        {
            int at = option.IndexOfAny(['=', ':']);
            string name = at < 0 ? option : option[..at];
            string value = at < 0 ? "" : option[(at + 1)..];
            result = (name, value) switch
            {
                ("no-new-privileges", "" or "true") => result with { NoNewPrivileges = true },
                ("no-new-privileges", "false") => result with { NoNewPrivileges = false },
                ("seccomp", { Length: > 0 }) => result with { Seccomp = value == "builtin" ? null : value },
                ("systempaths", "unconfined") => result with { ShowsSystemPaths = true },
                ("apparmor", { Length: > 0 }) => result with { AppArmor = value == "unconfined" ? null : value },
                ("label", "disable") => result,
                ("label", { Length: > 0 }) => result with { SelinuxLabel = value },
                _ => throw new MicaException(ErrorKind.InvalidArgument, $"invalid --security-opt: \"{Printable.Of(option)}\""),
            };
        }

        if (result.AppArmor is { } profile && !Directory.Exists("/sys/module/apparmor"))
        {
            throw new MicaException(ErrorKind.Unsupported, $"apparmor={Printable.Of(profile)}: this machine has no AppArmor");
        }

        return result.SelinuxLabel is { } label && !Directory.Exists("/sys/fs/selinux/class")
            ? throw new MicaException(ErrorKind.Unsupported, $"label={Printable.Of(label)}: this machine has no SELinux")
            : result;
    }
}
