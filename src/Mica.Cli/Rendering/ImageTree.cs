using System.Text;
using Mica.Store;

namespace Mica.Cli.Rendering;

/// <summary>The output of <c>mica images --tree</c>: each image with its platforms below it.</summary>
internal sealed class ImageTree(bool usesColor)
{
    private const string Faint = "\x1b[2m";
    private const string Bold = "\x1b[1m";
    private const string Reset = "\x1b[0m";
    private const string Gap = "   ";

    private readonly List<Line> _lines = [];

    /// <summary>Sorted by name; an image with several names has a line for each, the last with the values.</summary>
    public string Render(IEnumerable<StoredImage> images)
    {
        foreach (StoredImage image in images.OrderBy(image => image.Names.IsEmpty).ThenBy(ImageTitle.Of, StringComparer.Ordinal))
        {
            AddImage(image);
        }

        return Layout();
    }

    private void AddImage(StoredImage image)
    {
        string[] names = image.Names.IsEmpty ? ["<untagged>"] : [.. image.Names.Select(name => name.Reference.Familiar)];
        foreach (string name in names[..^1])
        {
            _lines.Add(new Line(name, "", "", "", IsHere: true));
        }

        _lines.Add(new Line(names[^1], ImageTable.ShortId(image.Id), HumanSize.Short(image.Size), image.Containers > 0 ? "U" : "", IsHere: true));
        // Of an attestation that is not here nobody needs to know: it is no platform that could be pulled.
        ImageVariant[] variants = [.. image.Variants.Where(variant => !variant.IsAttestation || variant.IsComplete)];
        for (int i = 0; i < variants.Length; i++)
        {
            ImageVariant variant = variants[i];
            string platform = variant.IsAttestation ? "attestation" : variant.Manifest.Platform?.ToString() ?? "unknown";
            _lines.Add(new Line(
                (i == variants.Length - 1 ? "└─ " : "├─ ") + platform,
                ImageTable.ShortId(variant.Id ?? variant.Manifest.Digest),
                HumanSize.Short(variant.Size),
                "",
                variant.IsPresent || variant.IsComplete));
        }
    }

    private string Layout()
    {
        int name = Math.Max(5, _lines.Select(line => DisplayWidth.Of(line.Name)).DefaultIfEmpty().Max());
        int size = Math.Max(10, _lines.Select(line => line.Size.Length).DefaultIfEmpty().Max());
        var text = new StringBuilder();
        string legend = "Info →   U  In Use";
        int width = name + 12 + size + 5 + (3 * Gap.Length);
        text.Append(legend.PadLeft(Math.Max(width, legend.Length))).Append('\n');
        text.Append(Styled(Bold, $"{"IMAGE".PadRight(name)}{Gap}{"ID",-12}{Gap}{"DISK USAGE".PadLeft(size)}{Gap}EXTRA")).Append('\n');
        foreach (Line line in _lines)
        {
            string padded = line.Name + new string(' ', name - DisplayWidth.Of(line.Name));
            string shown = line.Id.Length == 0 ? line.Name : $"{padded}{Gap}{line.Id}{Gap}{line.Size.PadLeft(size)}{Gap}{line.Extra}".TrimEnd();
            text.Append(line.IsHere ? shown : Styled(Faint, shown)).Append('\n');
        }

        return text.ToString();
    }

    private string Styled(string style, string text) => usesColor ? style + text + Reset : text;

    private sealed record Line(string Name, string Id, string Size, string Extra, bool IsHere);
}
