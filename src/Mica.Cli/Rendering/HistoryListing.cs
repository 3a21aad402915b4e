using System.Globalization;
using Mica.Cli.Templates;
using Mica.Oci;
using Mica.Store;

namespace Mica.Cli.Rendering;

/// <summary>The rows of <c>mica history</c>.</summary>
internal static class HistoryListing
{
    private const int CommandWidth = 45;
    private const string Missing = "<missing>";
    private const string NoLayer = "-";

    public static Listing Of(bool human, bool layers) => new("history",
    [
        new("Comment", "COMMENT"), new("CompressedSize", "COMPRESSED"), new("CreatedAt", "CREATED AT"), new("CreatedBy", "CREATED BY"),
        new("CreatedSince", "CREATED"), new("DiffID", "DIFF ID"), new("ID", "IMAGE"), new("Layer", "LAYER"), new("SharedWith", "SHARED WITH"),
        new("Size", "SIZE"), new("UnpackedSize", "UNPACKED"),
    ])
    {
        Table = layers
            ? "{{.Layer}}\t{{.DiffID}}\t{{.CompressedSize}}\t{{.UnpackedSize}}\t{{.CreatedBy}}\t{{.SharedWith}}"
            : human
            ? "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
            : "{{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
    };

    /// <param name="listing">Of <see cref="Of"/>.</param>
    /// <param name="history">Newest first.</param>
    /// <param name="id">The image ID: that of the newest row.</param>
    /// <param name="truncates">IDs, digests and commands are shortened.</param>
    /// <param name="human">Sizes in units, not in bytes.</param>
    /// <param name="nameOf">What to call the image with this root.</param>
    /// <param name="now">For how long ago a step was.</param>
    public static IEnumerable<RowValue> Rows(
        Listing listing, IEnumerable<HistoryRow> history, Digest id, bool truncates, bool human, Func<Digest, string> nameOf, DateTimeOffset now)
    {
        return history.Select((row, at) => listing.Row(
            TextTable.OneLine(row.Entry.Comment ?? ""),
            row.Layer is { } compressed ? Size(compressed.Blob.Size) : NoLayer,
            Timestamp.Read(row.Entry.Created) is { } at0 ? HumanTime.Rfc3339(at0) : "",
            Command(row.Entry.CreatedBy ?? "", truncates),
            Timestamp.Read(row.Entry.Created) is { } time ? HumanTime.SinceOrNone(time, now) : "N/A",
            row.Layer is { } layer ? Shown(layer.DiffId) : NoLayer,
            at == 0 ? Shown(id) : Missing,
            row.Layer is { } blob ? Shown(blob.Blob.Digest) : NoLayer,
            row.Layer is { } shared ? string.Join(", ", shared.SharedWith.Select(nameOf)) : "",
            Size(row.Size),
            row.Layer is { UnpackedSize: { } unpacked } ? Size(unpacked) : NoLayer));

        string Size(long bytes) => human ? HumanSize.Short(bytes) : bytes.ToString(CultureInfo.InvariantCulture);

        string Shown(Digest digest) => truncates ? ImageTable.ShortId(digest) : digest.ToString();
    }

    private static string Command(string text, bool truncates)
    {
        string line = TextTable.OneLine(text);
        return truncates ? DisplayWidth.Ellipsis(line, CommandWidth) : line;
    }
}
