using System.Collections.Immutable;
using System.Globalization;
using Mica.Build;
using Mica.Cli.Filtering;
using Mica.Cli.Hosting;
using Mica.Dockerfile;
using Mica.Oci;
using Mica.Runtime;

namespace Mica.Cli.Building;

/// <summary>Values of single options of <c>build</c>, in docker's syntax.</summary>
internal static class BuildFlag
{
    /// <summary><c>NAME=VALUE</c>; NAME alone takes the value from the environment, and is left out when it is not there.</summary>
    public static ImmutableDictionary<string, string> Arguments(IEnumerable<string> given, Func<string, string?> variable)
    {
        var arguments = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (string text in given)
        {
            (string name, string? value) = Pair(text);
            if (name.Length == 0)
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"invalid build argument: {Printable.Of(text)} (NAME=VALUE or NAME)");
            }

            if ((value ?? variable(name)) is { } known)
            {
                arguments[name] = known;
            }
        }

        return arguments.ToImmutable();
    }

    /// <summary><c>KEY=VALUE</c>; KEY alone is an empty value.</summary>
    public static ImmutableSortedDictionary<string, string> Labels(IEnumerable<string> given)
    {
        var labels = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (string text in given)
        {
            (string key, string? value) = Pair(text);
            labels[key.Length > 0 ? key : throw new MicaException(ErrorKind.InvalidArgument, $"invalid label: {Printable.Of(text)}")] = value ?? "";
        }

        return labels.ToImmutable();
    }

    /// <summary><c>[manifest|index[,…]:]KEY=VALUE</c>.</summary>
    public static (ImmutableSortedDictionary<string, string> Manifest, ImmutableSortedDictionary<string, string> Index) Annotations(IEnumerable<string> given)
    {
        var manifest = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        var index = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (string text in given)
        {
            (string key, string? value) = Pair(text);
            int colon = key.IndexOf(':', StringComparison.Ordinal);
            string name = key[(colon + 1)..];
            if (value is null || name.Length == 0)
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"invalid annotation: {Printable.Of(text)} (KEY=VALUE)");
            }

            foreach (string kind in colon < 0 ? ["manifest"] : key[..colon].Split(','))
            {
                (kind switch
                {
                    "manifest" => manifest,
                    "index" => index,
                    _ => throw new MicaException(ErrorKind.Unsupported, $"annotation of {Printable.Of(kind)}: not supported; there are manifest and index"),
                })[name] = value;
            }
        }

        return (manifest.ToImmutable(), index.ToImmutable());
    }

    /// <summary><c>os[/arch[/variant]]</c>, several with commas.</summary>
    public static ImmutableArray<Platform> Platforms(IEnumerable<string> given) =>
        [.. given.SelectMany(text => text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Select(Platform.Parse).Distinct()];

    /// <summary><c>NAME:ADDRESS</c> or <c>NAME=ADDRESS</c>; <c>host-gateway</c> is an address.</summary>
    public static ImmutableArray<(string Name, string Address)> Hosts(IEnumerable<string> given) => [.. given.Select(text =>
    {
        int end = text.AsSpan().IndexOfAny('=', ':');
        string address = end < 0 ? "" : text[(end + 1)..].Trim('[', ']');
        return end > 0 && address == ExtraHost.Gateway ? (text[..end], address)
            : end > 0 && System.Net.IPAddress.TryParse(address, out System.Net.IPAddress? parsed) ? (text[..end], parsed.ToString())
            : throw new MicaException(ErrorKind.InvalidArgument, $"bad format for add-host: \"{Printable.Of(text)}\" (NAME:ADDRESS)");
    })];

    /// <summary><c>NAME=SOFT[:HARD]</c>.</summary>
    public static ImmutableArray<(string Name, long Soft, long Hard)> Ulimits(IEnumerable<string> given) => [.. given.Select(text =>
    {
        (string name, string? value) = Pair(text);
        string[] limits = (value ?? "").Split(':');
        return name.Length > 0 && limits.Length <= 2 && Limit(limits[0]) is { } soft && Limit(limits[^1]) is { } hard && (soft <= hard || hard == -1) && (soft != -1 || hard == -1)
            ? (name, soft, hard)
            : throw new MicaException(ErrorKind.InvalidArgument, $"invalid ulimit argument: {Printable.Of(text)} (NAME=SOFT[:HARD], -1 is unlimited)");
    })];

    /// <summary><c>network.host</c> and <c>security.insecure</c>.</summary>
    public static (bool Host, bool Insecure) Allowed(IEnumerable<string> given)
    {
        bool host = false, insecure = false;
        foreach (string text in given.SelectMany(text => text.Split(',', StringSplitOptions.TrimEntries)))
        {
            host |= text == "network.host";
            insecure |= text == "security.insecure";
            if (text is not ("network.host" or "security.insecure"))
            {
                throw new MicaException(ErrorKind.Unsupported, $"--allow: {Printable.Of(text)}: not supported; there are network.host and security.insecure");
            }
        }

        return (host, insecure);
    }

    public static RunNetwork Network(string? text) => text switch
    {
        null or "" or "default" => RunNetwork.Default,
        "none" => RunNetwork.None,
        "host" => RunNetwork.Host,
        _ => throw new MicaException(ErrorKind.Unsupported, $"network mode \"{Printable.Of(text)}\" not supported by build; there are default, none and host"),
    };

    /// <summary><c>--on-fail</c>: whether a shell opens where a step fails, which needs a terminal to be of use.</summary>
    public static bool OpensShell(string? text, CliHost host) => text switch
    {
        null or "abort" => false,
        "shell" when host is { IsInputTerminal: true, IsOutputTerminal: true } => true,
        "shell" => throw new MicaException(ErrorKind.InvalidArgument, "--on-fail=shell needs a terminal: standard input or output is none"),
        _ => throw new MicaException(ErrorKind.InvalidArgument, $"--on-fail: {Printable.Of(text)}: there are shell and abort"),
    };

    public static TimeSpan? Duration(string? text, string option) => text is null ? null
        : FilterTime.TryParseDuration(text, out TimeSpan duration) && duration > TimeSpan.Zero ? duration
        : throw new MicaException(ErrorKind.InvalidArgument, $"invalid duration: '{Printable.Of(text)}' for {option} (such as 90s or 1h30m)");

    /// <summary><c>id=ID[,src=FILE|env=NAME][,type=file|env]</c>; with the ID alone, the variable or the file of that name.</summary>
    public static (string Id, BuildSecret Secret) Secret(string text, Func<string, string?> variable)
    {
        var fields = FlagFields.Parse(text, "secret");
        string id = fields.Take("id") ?? throw fields.Invalid("it has no id");
        string? source = fields.Take("src") ?? fields.Take("source");
        string? name = fields.Take("env");
        string? type = fields.Take("type");
        fields.RequireEmpty();
        if (type is not (null or "file" or "env"))
        {
            throw fields.Invalid($"type {Printable.Of(type)}: there are file and env");
        }

        name ??= type == "env" ? source ?? id : null;
        if (name is null && source is null && type is null && variable(id) is not null)
        {
            name = id;
        }

        if (name is null)
        {
            string path = Path.GetFullPath(source ?? id);
            return File.Exists(path) ? (id, new BuildSecret(path, default))
                : throw new MicaException(ErrorKind.NotFound, $"secret {Printable.Of(id)}: {Printable.Of(source ?? id)}: no such file");
        }

        string value = variable(name) ?? throw new MicaException(ErrorKind.NotFound, $"secret {Printable.Of(id)}: the variable {Printable.Of(name)} is not set");
        return (id, new BuildSecret(null, System.Text.Encoding.UTF8.GetBytes(value)));
    }

    /// <summary><c>default</c>, which is the agent of <c>SSH_AUTH_SOCK</c>, or <c>ID=SOCKET</c>.</summary>
    public static (string Id, string Socket) Ssh(string text, Func<string, string?> variable)
    {
        (string id, string? path) = Pair(text);
        path ??= variable("SSH_AUTH_SOCK")
            ?? throw new MicaException(ErrorKind.InvalidArgument, $"--ssh {Printable.Of(id)}: there is no agent, SSH_AUTH_SOCK is not set");
        path = Path.GetFullPath(path);
        if (!File.Exists(path))
        {
            throw new MicaException(ErrorKind.NotFound, $"--ssh {Printable.Of(id)}: {Printable.Of(path)}: no such socket");
        }

        // A socket has no length; a key has.
        return new FileInfo(path).Length == 0
            ? (id.Length == 0 ? "default" : id, path)
            : throw new MicaException(ErrorKind.Unsupported, $"--ssh {Printable.Of(id)}: {Printable.Of(path)} is a file; load the key into an agent and give its socket");
    }

    public static (string Key, string? Value) Pair(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? (text, null) : (text[..equals], text[(equals + 1)..]);
    }

    private static long? Limit(string text) => text == "unlimited" ? -1
        : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) && value >= -1 ? value : null;
}
