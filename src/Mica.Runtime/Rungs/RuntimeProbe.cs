using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>What was found possible.</summary>
/// <param name="Rung">How containers can be run.</param>
/// <param name="Reason">One sentence about it, for the user.</param>
/// <param name="Namespace">To be entered first; null when this process may do it as it is, or when nothing helps.</param>
public sealed record RuntimeSupport(RuntimeRung Rung, string Reason, UserNamespace? Namespace)
{
    /// <summary>What <see cref="RuntimeOptions.SharesProc"/> has to be.</summary>
    public bool SharesProc { get; init; }
}

/// <summary>Finds out how containers can be run here, best way first, by doing what it takes and not by asking for versions.</summary>
public sealed class RuntimeProbe(RuntimeOptions options)
{
    private const uint AllIds = uint.MaxValue;
    private const ulong SystemAdministration = 1UL << 21; // CAP_SYS_ADMIN

    /// <summary>Whether this process may mount: it is root, and not one that a container keeps from that.</summary>
    public static bool IsSuperuser => LinuxUser.EffectiveUserId == 0 && (Capabilities.ReadEffectiveSet() & SystemAdministration) != 0;

    /// <summary>Takes about a millisecond for root, and 30 for others. Makes and removes a directory in the scratch directory.</summary>
    public RuntimeSupport Probe()
    {
        try
        {
            return ProbeBelow(options.ScratchDirectory);
        }
        catch (IOException)
        {
            // The disk is full; what has to be done to make room needs no other place than where the state of containers is.
            return ProbeBelow(options.StateDirectory);
        }
    }

    private RuntimeSupport ProbeBelow(string place)
    {
        string own = Path.Combine(place, string.Create(CultureInfo.InvariantCulture, $"probe-{Environment.ProcessId}"));
        try
        {
            foreach (string name in (ReadOnlySpan<string>)["lower", "upper", "work", "merged", "names"])
            {
                Directory.CreateDirectory(Path.Combine(own, name));
            }

            return Probe(own);
        }
        finally
        {
            if (Directory.Exists(own))
            {
                LinuxFileSystem.RemoveTree(own);
            }
        }
    }

    private RuntimeSupport Probe(string directory)
    {
        RuntimeRung inside = ReadRung(File.ReadAllText("/proc/self/uid_map"));
        string? refusal = LinuxUser.EffectiveUserId == 0 ? TryMount(directory, inside) : "not root";
        if (refusal is null)
        {
            bool shares = inside != RuntimeRung.Root && !MayMountProc();
            return new RuntimeSupport(inside, Describe(inside) + (shares ? ", inside a container: they see its /proc" : ""), null) { SharesProc = shares };
        }

        List<string> refusals = [refusal];
        foreach (UserNamespace candidate in Candidates(refusals))
        {
            refusal = TryInside(candidate, directory);
            if (refusal is null)
            {
                string why = candidate.Rung == RuntimeRung.SingleId ? $" ({refusals[^1]})" : "";
                return new RuntimeSupport(candidate.Rung, Describe(candidate.Rung) + why, candidate);
            }

            refusals.Add(refusal);
        }

        string cause = IsOnOverlay(directory)
            ? $"{Printable.Of(options.ScratchDirectory)} lies on an overlay itself, where layers cannot be mounted: put the root directory on a volume, such as an emptyDir or a tmpfs (--root)"
            : string.Join("; ", refusals.Distinct());
        return new RuntimeSupport(RuntimeRung.None, $"no way to run containers here: {cause}", null);
    }

    /// <summary>Which rung a process with these ids stands on, being root.</summary>
    internal static RuntimeRung ReadRung(string uidMap)
    {
        ulong count = 0;
        foreach (string line in uidMap.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            count += ulong.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[2], CultureInfo.InvariantCulture);
        }

        return count >= AllIds ? RuntimeRung.Root : count > 1 ? RuntimeRung.SubordinateIds : RuntimeRung.SingleId;
    }

    private static string Describe(RuntimeRung rung) => rung switch
    {
        RuntimeRung.Root => "as root",
        RuntimeRung.SubordinateIds => "rootless, with subordinate ids",
        _ => "rootless with one id only: all files belong to root, whatever a step says",
    };

    private IEnumerable<UserNamespace> Candidates(List<string> refusals)
    {
        uint uid = LinuxUser.EffectiveUserId, gid = LinuxUser.EffectiveGroupId;
        if (uid == 0)
        {
            ImmutableArray<IdRange> all = [new IdRange(0, 0, 65536)];
            yield return new UserNamespace(RuntimeRung.SubordinateIds, all, all) { IsWrittenDirectly = true };
        }

        string? name = SubordinateIds.FindUserName(ReadLines("/etc/passwd"), uid);
        ImmutableArray<IdRange> uids = SubordinateIds.Parse(ReadLines("/etc/subuid"), name, uid, uid);
        ImmutableArray<IdRange> gids = SubordinateIds.Parse(ReadLines("/etc/subgid"), name, uid, gid);
        if (uids.IsEmpty || gids.IsEmpty)
        {
            refusals.Add($"{Printable.Of(name) ?? "the user"} has no line in {(uids.IsEmpty ? "/etc/subuid" : "/etc/subgid")}");
        }
        else if (options.FindProgram("newuidmap") is null)
        {
            refusals.Add("newuidmap is missing: install uidmap");
        }
        else
        {
            yield return new UserNamespace(RuntimeRung.SubordinateIds, uids, gids);
        }

        yield return new UserNamespace(RuntimeRung.SingleId, [new IdRange(0, uid, 1)], [new IdRange(0, gid, 1)]);
    }

    /// <summary>Mounts an overlay on a thread of our own; null when that went well.</summary>
    private static string? TryMount(string directory, RuntimeRung rung)
    {
        string? refusal = null;
        Thread thread = new(() =>
        {
            try
            {
                ThreadNamespaces.UnshareMounts();
                Overlay overlay = new([Path.Combine(directory, "lower")], Path.Combine(directory, "upper"), Path.Combine(directory, "work"))
                {
                    UsesUserXattrs = rung != RuntimeRung.Root,
                };
                MountTable.MountOverlay(overlay, Path.Combine(directory, "merged"), Path.Combine(directory, "names"));
                MountTable.Unmount(Path.Combine(directory, "merged"));
            }
            catch (LinuxException failure)
            {
                refusal = failure.Message;
            }
        });
        thread.Start();
        thread.Join();
        return refusal;
    }

    private static bool IsOnOverlay(string directory)
    {
        try
        {
            return new DriveInfo(directory).DriveFormat is "overlay" or "overlayfs";
        }
        catch (IOException)
        {
            return false;
        }
    }

    private bool MayMountProc()
    {
        string? unshare = options.FindProgram("unshare");
        if (unshare is null)
        {
            return true;
        }

        using ChildProcess child = ChildProcess.Start(new ChildCommand(
            unshare, ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--", "true"], [$"PATH={string.Join(':', options.ProgramDirectories)}"]));
        child.ReadOutput((_, _) => { });
        return child.Wait() == 0;
    }

    private string? TryInside(UserNamespace candidate, string directory)
    {
        string layers = $"lowerdir={directory}/lower,upperdir={directory}/upper,workdir={directory}/work,userxattr";
        ChildCommand command = candidate.Command(
            ["unshare", "--mount", "--", "mount", "-t", "overlay", "overlay", "-o", layers, Path.Combine(directory, "merged")], [], options);
        StringBuilder said = new();
        using ChildProcess child = ChildProcess.Start(command);
        child.ReadOutput((_, bytes) => said.Append(Encoding.UTF8.GetString(bytes)));
        return child.Wait() == 0 ? null : said.Length > 0 ? Printable.Of(said.ToString().Trim().Split('\n')[0]) : "no user namespace";
    }

    private static string[] ReadLines(string path) => File.Exists(path) ? File.ReadAllLines(path) : [];
}
