using System.Collections.Immutable;
using Mica.Cli.Building;
using Mica.Cli.CommandLine;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Containers;

/// <summary><c>-v</c>, <c>--mount</c> and <c>--tmpfs</c>.</summary>
internal static class MountFlag
{
    private static readonly string[] s_propagations = ["private", "rprivate", "slave", "rslave", "shared", "rshared"];

    /// <summary><c>[SOURCE:]DESTINATION[:OPTIONS]</c>.</summary>
    public static MountDefinition Volume(string text)
    {
        string[] parts = text.Split(':');
        (string source, string destination, string options) = parts switch
        {
            [var only] => ("", only, ""),
            [var first, var second] when second.StartsWith('/') || !first.StartsWith('/') => (first, second, ""),
            [var first, var second] => ("", first, second),
            [var first, var second, var third] => (first, second, third),
            _ => throw Invalid(text),
        };
        if (!destination.StartsWith('/') || destination.Trim('/').Length == 0)
        {
            throw destination == "/" ? new MicaException(ErrorKind.InvalidArgument, $"invalid volume specification: '{Printable.Of(text)}': destination can't be '/'") : Invalid(text);
        }

        bool isPath = source.StartsWith('/') || source.StartsWith('.') || source.StartsWith('~');
        MountDefinition mount = new(isPath ? "bind" : "volume", isPath ? Path.GetFullPath(source) : source, destination) { MakesSource = isPath };
        foreach (string option in options.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            mount = option switch
            {
                "ro" or "readonly" => mount with { IsReadOnly = true },
                "rw" or "z" or "Z" or "cached" or "delegated" or "consistent" => mount,
                "nocopy" => mount with { CopiesNothing = true },
                "U" => mount with { ChangesOwner = true },
                "rbind" => mount,
                "bind" => mount with { IsNotRecursive = true },
                _ when s_propagations.Contains(option) => mount with { Propagation = Propagation(option) },
                _ => throw new MicaException(ErrorKind.InvalidArgument, $"invalid mode: {Printable.Of(option)} in volume specification '{Printable.Of(text)}'"),
            };
        }

        return mount;
    }

    /// <summary><c>type=bind,src=…,dst=…</c>.</summary>
    public static MountDefinition Mount(string text)
    {
        var fields = FlagFields.Parse(text, "mount");
        string type = fields.Take("type") ?? "volume";
        string source = fields.Take("source") ?? fields.Take("src") ?? "";
        string destination = fields.Take("target") ?? fields.Take("destination") ?? fields.Take("dst") ?? throw fields.Invalid("target is required");
        bool isReadOnly = fields.TakeFlag("readonly") || fields.TakeFlag("ro");
        ContainerFlag.AbsolutePath(destination, "invalid mount target:");
        MountDefinition mount = new(type, source, destination) { IsReadOnly = isReadOnly };
        mount = type switch
        {
            "bind" => Bind(fields, mount),
            "volume" => mount with
            {
                CopiesNothing = fields.TakeFlag("volume-nocopy"),
                SubPath = fields.Take("volume-subpath"),
            },
            "tmpfs" => mount with { Options = [.. TmpfsOptions(fields), .. isReadOnly ? ["ro"] : Array.Empty<string>()] },
            "image" => source.Length == 0 ? throw fields.Invalid("source is required") : mount with { SubPath = fields.Take("image-subpath") },
            _ => throw fields.Invalid($"type {Printable.Of(type)}: there are bind, volume, tmpfs and image"),
        };
        fields.RequireEmpty();
        return mount;
    }

    /// <summary><c>DESTINATION[:OPTIONS]</c>.</summary>
    public static MountDefinition Tmpfs(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string destination = ContainerFlag.AbsolutePath(colon < 0 ? text : text[..colon], "invalid tmpfs destination:");
        string[] options = colon < 0 ? [] : text[(colon + 1)..].Split(',', StringSplitOptions.RemoveEmptyEntries);
        return new MountDefinition("tmpfs", "", destination) { Options = [.. options] };
    }

    private static MountDefinition Bind(FlagFields fields, MountDefinition mount)
    {
        if (mount.Source.Length == 0)
        {
            throw fields.Invalid("source is required");
        }

        string? recursive = fields.Take("bind-recursive");
        return mount with
        {
            Source = Path.GetFullPath(mount.Source),
            Propagation = fields.Take("bind-propagation") is { } propagation ? Propagation(propagation) : null,
            IsNotRecursive = fields.TakeFlag("bind-nonrecursive") || recursive == "disabled",
            MakesSource = fields.TakeFlag("bind-create-src"),
        };
    }

    private static string Propagation(string text) => text switch
    {
        "private" or "rprivate" or "slave" or "rslave" => text,
        "shared" or "rshared" => throw new MicaException(
            ErrorKind.Unsupported, $"propagation {text} is not supported: a container's mounts are its own; there are rslave and rprivate"),
        _ => throw new MicaException(ErrorKind.InvalidArgument, $"invalid propagation: {Printable.Of(text)}"),
    };

    private static IEnumerable<string> TmpfsOptions(FlagFields fields)
    {
        if (fields.Take("tmpfs-size") is { } size)
        {
            yield return $"size={ByteSize.Parse(size, "tmpfs-size")}";
        }

        if (fields.Take("tmpfs-mode") is { } mode)
        {
            yield return $"mode={mode}";
        }
    }

    private static MicaException Invalid(string text) => new(
        ErrorKind.InvalidArgument, $"invalid volume specification: '{Printable.Of(text)}': [SOURCE:]DESTINATION[:OPTIONS], and the destination is an absolute path");
}
