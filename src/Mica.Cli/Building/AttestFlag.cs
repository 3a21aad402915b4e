using Mica.Build;
using Mica.Cli.CommandLine;
using Mica.Oci;

namespace Mica.Cli.Building;

/// <summary>Values of <c>--attest</c>, <c>--provenance</c> and <c>--sbom</c>, in buildx's syntax.</summary>
internal static class AttestFlag
{
    /// <summary>The provenance that is wanted; null for none. A shorthand goes before <c>--attest</c>.</summary>
    public static ProvenanceOptions? Parse(IEnumerable<string> attests, string? provenance, string? sbom)
    {
        ProvenanceOptions? options = null;
        foreach (string text in attests)
        {
            var fields = FlagFields.Parse(text, "attest");
            switch (fields.Take("type"))
            {
                case "provenance":
                    options = Provenance(fields);
                    break;
                case "sbom":
                    RefuseSbom(IsDisabled(fields) ? "false" : "true");
                    break;
                case null:
                    throw fields.Invalid("attestation type not specified");
                case var type:
                    throw fields.Invalid($"type {Printable.Of(type)}: there is provenance");
            }
        }

        RefuseSbom(sbom);
        return provenance is null ? options
            : CliOption.ParseBoolean(provenance) is { } wanted ? wanted ? options ?? new ProvenanceOptions() : null
            : Provenance(FlagFields.Parse(provenance, "provenance"));
    }

    private static ProvenanceOptions? Provenance(FlagFields fields)
    {
        var options = new ProvenanceOptions();
        bool disabled = IsDisabled(fields);
        options = options with
        {
            Mode = fields.Take("mode") switch
            {
                null or "max" => ProvenanceMode.Max,
                "min" => ProvenanceMode.Min,
                var mode => throw fields.Invalid($"mode {Printable.Of(mode)}: there are min and max"),
            },
            BuilderId = fields.Take("builder-id") ?? options.BuilderId,
            FileName = fields.Take("filename") ?? options.FileName,
        };
        if (options.FileName.AsSpan().ContainsAny('/', '\0') || options.FileName is "" or "." or "..")
        {
            throw fields.Invalid($"filename {Printable.Of(options.FileName)} is not the name of a file");
        }

        if (fields.Take("version") is not (null or "v1"))
        {
            throw fields.Invalid("version: there is v1");
        }

        fields.RequireEmpty();
        return disabled ? null : options;
    }

    private static bool IsDisabled(FlagFields fields) => fields.Take("disabled") is { } text
        && (CliOption.ParseBoolean(text) ?? throw fields.Invalid("disabled is neither true nor false"));

    private static void RefuseSbom(string? text)
    {
        if (text is not null && CliOption.ParseBoolean(text) != false)
        {
            throw new MicaException(ErrorKind.Unsupported, "--sbom: lists of an image's packages (SBOM) are not supported");
        }
    }
}
