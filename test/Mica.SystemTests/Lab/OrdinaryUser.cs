namespace Mica.SystemTests.Lab;

/// <summary>
/// A user who is not root, with or without subordinate ids. The account exists only in the mount namespace of what it runs, so
/// that the machine's own accounts stay as they are.
/// </summary>
public static class OrdinaryUser
{
    public const int Id = 12345;

    /// <summary>
    /// <c>sh -c LAUNCH sh ACCOUNTS COMMAND...</c>: the files of ACCOUNTS in place of /etc's, the binary where that user may
    /// read it, whatever directory it was built in, and a /dev/net/tun that anybody may open, as udev makes it.
    /// </summary>
    private const string Launch = """
        accounts=$1; shift
        for file in passwd subuid subgid; do mount --bind "$accounts/$file" "/etc/$file" || exit 1; done
        mount --bind "$accounts/tun" /dev/net/tun || exit 1
        mount --bind "$1" "$accounts/mica" || exit 1; shift
        cd / && exec setpriv --reuid 12345 --regid 12345 --clear-groups --inh-caps=-all "$accounts/mica" "$@"
        """;

    /// <summary>A store of that user's in a home directory of its own.</summary>
    public static async Task<MicaRoot> NewRootAsync(Workbench bench, bool withSubordinateIds)
    {
        Assert.SkipUnless(Workbench.IsRoot, "needs root: to become an ordinary user");
        string directory = bench.NewDirectory("user"), accounts = bench.NewDirectory("accounts");
        string ids = withSubordinateIds ? "builder:200000:65536\n" : "";
        await File.WriteAllTextAsync(Path.Combine(accounts, "passwd"), $"root:x:0:0::/root:/bin/sh\nbuilder:x:{Id}:{Id}::{directory}/home:/bin/sh\n");
        await File.WriteAllTextAsync(Path.Combine(accounts, "subuid"), ids);
        await File.WriteAllTextAsync(Path.Combine(accounts, "subgid"), ids);
        await File.WriteAllTextAsync(Path.Combine(accounts, "mica"), "");
        MicaRoot root = new(bench, directory, Path.Combine(directory, "home", "store")) { Launcher = ["unshare", "--mount", "sh", "-c", Launch, "sh", accounts] };
        await Shell.ScriptAsync("mknod -m 666 \"$3/tun\" c 10 200; chmod 755 \"$1\" \"$3\"; chown -R 12345:12345 \"$2\"; chmod 700 \"$2/run\"", bench.Scratch, directory, accounts);
        return root;
    }
}
