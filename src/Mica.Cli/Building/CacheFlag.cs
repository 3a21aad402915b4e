using Mica.Engine;
using Mica.Layers;
using Mica.Oci;

namespace Mica.Cli.Building;

/// <summary>Values of <c>--cache-from</c> and <c>--cache-to</c>: <c>type=…,…</c>, or the name of an image alone.</summary>
internal static class CacheFlag
{
    public static CacheSource Source(string text)
    {
        if (!text.Contains('=', StringComparison.Ordinal))
        {
            return new RegistryCacheSource(ImageReference.Parse(text));
        }

        var fields = FlagFields.Parse(text, "cache-from");
        CacheSource source = fields.Take("type") switch
        {
            null or "registry" => new RegistryCacheSource(Reference(fields)),
            "local" => new LocalCacheSource(Path.GetFullPath(Required(fields, "src")), fields.Take("tag") ?? "latest"),
            var other => throw Unknown(other, "registry and local"),
        };
        fields.RequireEmpty();
        return source;
    }

    public static CacheTarget Target(string text)
    {
        if (!text.Contains('=', StringComparison.Ordinal))
        {
            return text == "inline" ? new InlineCacheTarget() : new RegistryCacheTarget(ImageReference.Parse(text));
        }

        var fields = FlagFields.Parse(text, "cache-to");
        CacheTarget target = fields.Take("type") switch
        {
            null or "registry" => new RegistryCacheTarget(Reference(fields)),
            "local" => new LocalCacheTarget(Path.GetFullPath(Required(fields, "dest")), fields.Take("tag") ?? "latest"),
            "inline" => new InlineCacheTarget(),
            var other => throw Unknown(other, "registry, local and inline"),
        };
        target = target with
        {
            HasAllStages = fields.Take("mode") switch
            {
                null or "min" => false,
                "max" when target is InlineCacheTarget => throw fields.Invalid("an image has only its own layers: there is no mode=max of type=inline"),
                "max" => true,
                var mode => throw fields.Invalid($"mode {Printable.Of(mode)}: there are min and max"),
            },
            IgnoresErrors = OutputFlag.Truth(fields, "ignore-error") == true,
            Compression = fields.Take("compression") switch
            {
                null or "gzip" => LayerCompression.Gzip,
                "zstd" => LayerCompression.Zstd,
                var compression => throw fields.Invalid($"compression {Printable.Of(compression)}: there are gzip and zstd"),
            },
        };
        OutputFlag.RequireTrue(fields, "oci-mediatypes", "image-manifest");
        fields.RequireEmpty();
        return target;
    }

    private static ImageReference Reference(FlagFields fields) => ImageReference.Parse(Required(fields, "ref"));

    private static string Required(FlagFields fields, string key) => fields.Take(key) ?? throw fields.Invalid($"{key} is required");

    private static MicaException Unknown(string type, string known) =>
        new(ErrorKind.Unsupported, $"cache of type {Printable.Of(type)}: not supported; there are {known}");
}
