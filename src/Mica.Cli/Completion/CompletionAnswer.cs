using Mica.Cli.CommandLine;
using Mica.Cli.Hosting;
using Mica.Oci;
using Mica.Store;

namespace Mica.Cli.Completion;

/// <summary><c>mica __complete WORD…</c>: what the shells' scripts ask for. It fails silently, since the user is typing.</summary>
internal static class CompletionAnswer
{
    private static readonly string[] s_networks = ["bridge", "host", "none"];

    public static async Task<int> WriteAsync(CommandEntry root, string[] words, CliHost host)
    {
        foreach (Candidate candidate in await CompletionQuery.RunAsync(root, words, kind => NamesAsync(kind, words, host)))
        {
            host.Output.Write(candidate.Description.Length == 0 ? $"{candidate.Word}\n" : $"{candidate.Word}\t{candidate.Description}\n");
        }

        return ExitCodes.Success;
    }

    /// <summary>Names of what is in the store that the unfinished line is about; none while there is no store.</summary>
    private static async Task<IEnumerable<string>> NamesAsync(Completes kind, string[] words, CliHost host)
    {
        string? directory = RootOf(words) ?? host.Environment.StoreRoot(host.IsSuperuser);
        if (directory is null || !Directory.Exists(directory))
        {
            return [];
        }

        try
        {
            await using ImageStore store = await ImageStore.OpenAsync(
                new StoreOptions { Root = Path.GetFullPath(directory), Time = host.Time }, CancellationToken.None);
            return [.. (kind switch
            {
                Completes.Images => (await store.ListAsync(CancellationToken.None)).SelectMany(image => image.Names).Select(name => name.Reference.Familiar),
                Completes.Networks => [.. s_networks, .. await ObjectsAsync(store, ObjectKind.Network)],
                Completes.Volumes => await ObjectsAsync(store, ObjectKind.Volume),
                _ => await ObjectsAsync(store, ObjectKind.Container),
            }).Order(StringComparer.Ordinal)];
        }
        catch (MicaException)
        {
            return [];
        }
    }

    private static async Task<IEnumerable<string>> ObjectsAsync(ImageStore store, ObjectKind kind) =>
        (await store.Objects.ListAsync(kind, CancellationToken.None)).Select(stored => stored.Name);

    private static string? RootOf(string[] words)
    {
        int at = Array.FindLastIndex(words, word => word == "--root" || word.StartsWith("--root=", StringComparison.Ordinal));
        return at < 0 ? null
            : words[at].StartsWith("--root=", StringComparison.Ordinal) ? words[at]["--root=".Length..]
            : words.ElementAtOrDefault(at + 1);
    }
}
