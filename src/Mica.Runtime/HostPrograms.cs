using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;
using Mica.Linux;

namespace Mica.Runtime;

/// <summary>How much a program of the machine's is needed.</summary>
public enum ProgramNeed
{
    /// <summary>No container can be run without it.</summary>
    Always,

    /// <summary>An ordinary user's containers need it.</summary>
    ByUsers,

    /// <summary>Some options need it.</summary>
    Sometimes,
}

/// <summary>A program of the machine's that containers need, or could use.</summary>
/// <param name="Name">What it is called; of several that would do, the one that was found, or the best one.</param>
/// <param name="Purpose">What it is for.</param>
/// <param name="Need">How much it is needed.</param>
/// <param name="Package">The package that has it, as this machine's distribution calls it.</param>
public sealed record HostProgram(string Name, string Purpose, ProgramNeed Need, string Package)
{
    /// <summary>Where it is; null: nowhere.</summary>
    public string? Path { get; init; }

    /// <summary>As it says itself; empty when it does not.</summary>
    public string Version { get; init; } = "";
}

/// <summary>The programs that Mica calls, looked for on this machine.</summary>
public static partial class HostPrograms
{
    private static readonly (string[] Names, string Purpose, ProgramNeed Need, string Package)[] s_all =
    [
        (["crun", "runc"], "runs containers", ProgramNeed.Always, "crun"),
        (["conmon"], "stays with containers while they run", ProgramNeed.Always, "conmon"),
        (["nft"], "networks of containers", ProgramNeed.Always, "nftables"),
        (["aardvark-dns"], "names of containers in networks", ProgramNeed.Sometimes, "aardvark-dns"),
        (["netavark"], "networks of RUN steps", ProgramNeed.Sometimes, "netavark"),
        (["catatonit", "docker-init", "tini"], "--init", ProgramNeed.Sometimes, "catatonit"),
        (["git"], "git sources of builds", ProgramNeed.Sometimes, "git"),
        (["newuidmap"], "several owners in an ordinary user's containers", ProgramNeed.ByUsers, "uidmap"),
        (["nsenter"], "commands to an ordinary user's containers that run", ProgramNeed.ByUsers, "util-linux"),
        (["slirp4netns"], "an ordinary user's networks", ProgramNeed.ByUsers, "slirp4netns"),
    ];

    private static readonly (string Program, string Command, (string Debian, string Own)[] Names)[] s_installers =
    [
        ("apt-get", "apt-get install -y --no-install-recommends", []),
        ("dnf", "dnf install -y", [("uidmap", "shadow-utils")]),
        ("zypper", "zypper install -y", [("uidmap", "shadow")]),
        ("apk", "apk add", [("uidmap", "shadow-uidmap")]),
        ("pacman", "pacman -S --needed", [("uidmap", "shadow")]),
    ];

    /// <summary>Looks for them all, and asks those that are there for their versions, at once.</summary>
    public static ImmutableArray<HostProgram> Find(RuntimeOptions options)
    {
        (string, string, (string Debian, string Own)[] Names)? installer = Installer(options);
        return
        [
            .. s_all.AsParallel().AsOrdered().WithDegreeOfParallelism(s_all.Length).Select(wanted =>
            {
                string name = wanted.Names.FirstOrDefault(name => options.FindProgram(name) is not null) ?? wanted.Names[0];
                string package = installer?.Names.FirstOrDefault(pair => pair.Debian == wanted.Package).Own ?? wanted.Package;
                string? path = options.FindProgram(name);
                return new HostProgram(name, wanted.Purpose, wanted.Need, package) { Path = path, Version = path is null ? "" : VersionOf(path, name) };
            }),
        ];
    }

    /// <summary>The one command that installs packages on this machine; null: nobody knows.</summary>
    public static string? InstallCommand(RuntimeOptions options, IEnumerable<string> packages) =>
        Installer(options) is { } installer ? $"{installer.Command} {string.Join(' ', packages.Distinct())}" : null;

    private static (string Program, string Command, (string Debian, string Own)[] Names)? Installer(RuntimeOptions options)
    {
        foreach ((string Program, string Command, (string Debian, string Own)[] Names) installer in s_installers)
        {
            if (options.FindProgram(installer.Program) is not null)
            {
                return installer;
            }
        }

        return null;
    }

    private static string VersionOf(string path, string name)
    {
        if (name == "newuidmap")
        {
            return ""; // it does something instead
        }

        StringBuilder said = new();
        using ChildProcess child = ChildProcess.Start(new ChildCommand(path, [name, "--version"], ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]));
        child.ReadOutput((_, bytes) => said.Append(Encoding.UTF8.GetString(bytes)));
        child.Wait();
        return Number().Match(said.ToString()).Value;
    }

    [GeneratedRegex(@"\d+(\.\d+)+[^\s,()]*")]
    private static partial Regex Number();
}
