using System.Globalization;
using System.Text;
using Mica.Oci;
using Mica.Store;

namespace Mica.Cli.Rendering;

/// <summary>What <c>store check</c> found: a line for each thing, and a sum.</summary>
internal static class CheckText
{
    public static string Of(StoreCheckReport report, bool quiet)
    {
        var text = new StringBuilder();
        foreach (StoreFinding finding in report.Findings)
        {
            text.Append(finding.IsRepaired ? "repaired: " : finding.IsLeftover ? "left over: " : "damaged: ");
            text.Append(Printable.Of(finding.Subject)).Append(": ").Append(Printable.Of(finding.Message)).Append('\n');
        }

        foreach (MissingContent missing in report.Missing)
        {
            string origin = missing.Repositories.IsEmpty ? "" : $" (from {string.Join(", ", missing.Repositories.Select(Printable.Of))})";
            text.Append("missing: ").Append(missing.Descriptor.Digest).Append(origin).Append('\n');
        }

        if (!quiet)
        {
            string verdict = report.IsWhole ? "the store is whole" : "the store is damaged";
            text.Append(CultureInfo.InvariantCulture,
                $"Checked {report.Blobs} blobs ({HumanSize.Long(report.BlobBytes)}) and {report.Layers} unpacked layers: {verdict}\n");
        }

        return text.ToString();
    }
}
