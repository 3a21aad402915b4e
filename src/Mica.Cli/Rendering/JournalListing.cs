using System.Globalization;
using Mica.Cli.Templates;
using Mica.Oci;
using Mica.Store;

namespace Mica.Cli.Rendering;

/// <summary>The rows of <c>mica tag log</c>.</summary>
internal static class JournalListing
{
    public static Listing Kind { get; } = new("journal",
    [
        new("At", "AT"), new("Cause", "BY"), new("From", "FROM"), new("Kept", "KEPT"), new("Name", "NAME"), new("Sequence", "MOVE"),
        new("Since", "WHEN"), new("To", "TO"), new("Undoes", "UNDOES"),
    ])
    {
        Table = "{{.Sequence}}\t{{.Name}}\t{{.Since}}\t{{.Cause}}\t{{.From}}\t{{.Kept}}\t{{.To}}",
    };

    public static IEnumerable<RowValue> Rows(IEnumerable<JournalEntry> journal, bool truncates, DateTimeOffset now)
    {
        return journal.Select(entry => Kind.Row(
            HumanTime.Rfc3339Nano(entry.At),
            entry.Undoes is { } undone ? string.Create(CultureInfo.InvariantCulture, $"{entry.Cause} of {undone}") : entry.Cause,
            Shown(entry.From),
            entry.From is null ? "" : entry.CanUndo ? "yes" : "no",
            ImageReference.TryParse(entry.Name, out ImageReference? name) ? name.Familiar : entry.Name,
            entry.Sequence.ToString(CultureInfo.InvariantCulture),
            HumanTime.Since(entry.At, now),
            Shown(entry.To),
            entry.Undoes?.ToString(CultureInfo.InvariantCulture) ?? ""));

        string Shown(Digest? digest) => digest is not { } root ? ImageTable.None : truncates ? root.Short : root.ToString();
    }
}
