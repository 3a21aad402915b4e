using Mica.Cli.CommandLine;
using Mica.Engine;
using Mica.Layers;
using Mica.Oci;
using Mica.Store;

namespace Mica.Cli.Building;

/// <summary>Values of <c>--output</c>: <c>type=…,dest=…</c>, or a directory alone, or <c>-</c> for a tar on standard output.</summary>
internal static class OutputFlag
{
    /// <summary>The output; for an image also the names that it says itself.</summary>
    public static BuildOutput Parse(string text, Invocation invocation, List<ImageReference> names)
    {
        if (!text.Contains('=', StringComparison.Ordinal))
        {
            return text == "-" ? new TarOutput(Place("-", invocation, "tar")) : new LocalOutput(Path.GetFullPath(text));
        }

        var fields = FlagFields.Parse(text, "output");
        string type = fields.Take("type") ?? throw fields.Invalid("type is required");
        string? destination = fields.Take("dest") ?? fields.Take("destination");
        BuildOutput output = type switch
        {
            "image" or "registry" => Image(fields, type, names),
            "local" => new LocalOutput(Path.GetFullPath(destination ?? throw fields.Invalid("type=local requires dest"))),
            "tar" => new TarOutput(Place(destination ?? "-", invocation, type)),
            "docker" when destination is null => Image(fields, type, names),
            "oci" or "docker" => Archive(fields, type, Place(destination ?? "-", invocation, type), names),
            "cacheonly" => new CacheOnlyOutput(),
            _ => throw fields.Invalid($"type {Printable.Of(type)}: there are image, registry, local, tar, oci, docker and cacheonly"),
        };
        bool? rewrites = Truth(fields, "rewrite-timestamp");
        fields.RequireEmpty();
        return output with { RewritesTimestamps = rewrites };
    }

    private static ImageOutput Image(FlagFields fields, string type, List<ImageReference> names)
    {
        TakeNames(fields, names);
        bool push = type == "registry" || Truth(fields, "push") == true;
        RequireTrue(fields, "unpack", "store", "oci-mediatypes");
        return fields.Take("compression") is { } compression
            ? new ImageOutput(push, CompressionOf(fields, compression) ?? throw fields.Invalid("compression=uncompressed is not supported here"))
            : new ImageOutput(push);
    }

    private static ArchiveOutput Archive(FlagFields fields, string type, OutputPlace place, List<ImageReference> names)
    {
        TakeNames(fields, names);
        RequireTrue(fields, "tar", "oci-mediatypes");
        LayerCompression? compression = fields.Take("compression") is { } text ? CompressionOf(fields, text)
            : type == "oci" ? LayerCompression.Gzip : null;
        return new ArchiveOutput(type == "oci" ? ImageArchiveForm.Oci : ImageArchiveForm.Docker, place, compression);
    }

    private static void TakeNames(FlagFields fields, List<ImageReference> names)
    {
        if (fields.Take("name") is { } list)
        {
            names.AddRange(list.Split(',').Select(name => ImageReference.Parse(name).WithDefaultTag()));
        }
    }

    private static LayerCompression? CompressionOf(FlagFields fields, string text) => text switch
    {
        "gzip" => LayerCompression.Gzip,
        "zstd" => LayerCompression.Zstd,
        "uncompressed" => null,
        _ => throw fields.Invalid($"compression {Printable.Of(text)}: there are gzip, zstd and uncompressed"),
    };

    /// <summary>The truth value of a key; null when it is not there.</summary>
    public static bool? Truth(FlagFields fields, string key) => fields.Take(key) is not { } text ? null
        : CliOption.ParseBoolean(text) ?? throw fields.Invalid($"{key} is neither true nor false");

    /// <summary>What is always so here can be asked for, but not the contrary.</summary>
    public static void RequireTrue(FlagFields fields, params string[] keys)
    {
        foreach (string key in keys)
        {
            if (Truth(fields, key) == false)
            {
                throw fields.Invalid($"{key}=false is not supported");
            }
        }
    }

    private static OutputPlace Place(string destination, Invocation invocation, string type)
    {
        if (destination != "-")
        {
            return OutputPlace.Of(Path.GetFullPath(destination));
        }

        return invocation.Host.IsOutputTerminal
            ? throw invocation.Misuse($"dest file is required for {type} exporter. refusing to write to console")
            : OutputPlace.Of(invocation.Host.OpenOutput());
    }
}
