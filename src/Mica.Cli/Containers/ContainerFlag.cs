using System.Collections.Immutable;
using Mica.Cli.Building;
using Mica.Cli.CommandLine;
using Mica.Engine;
using Mica.Oci;
using Mica.Runtime;

namespace Mica.Cli.Containers;

/// <summary>The values of the options of <c>run</c> and <c>create</c>, read in docker's way.</summary>
internal static class ContainerFlag
{
    /// <summary><c>NAME=VALUE</c>, or <c>NAME</c> for the value that the environment has, if it has one.</summary>
    public static ImmutableArray<string> Environment(IEnumerable<string> files, IEnumerable<string> given, Func<string, string?> variable)
    {
        var environment = ImmutableArray.CreateBuilder<string>();
        foreach (string line in files.SelectMany(Lines).Concat(given))
        {
            if (line.StartsWith('=') || line.Length == 0)
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"invalid environment variable: {Printable.Of(line)}");
            }

            if (line.Contains('=', StringComparison.Ordinal))
            {
                environment.Add(line);
            }
            else if (variable(line) is { } value)
            {
                environment.Add($"{line}={value}");
            }
            else
            {
                environment.Add(line); // takes away the image's
            }
        }

        return environment.ToImmutable();
    }

    /// <summary><c>KEY=VALUE</c> of files and of options.</summary>
    public static ImmutableSortedDictionary<string, string> Labels(IEnumerable<string> files, IEnumerable<string> given) =>
        BuildFlag.Labels(files.SelectMany(Lines).Concat(given));

    /// <summary><c>on-failure:3</c> and the like.</summary>
    public static RestartPolicy Restart(string? text)
    {
        string[] parts = (text ?? "no").Split(':');
        int count = 0;
        return parts.Length <= 2 && parts[0] is "no" or "on-failure" or "always" or "unless-stopped" or ""
            && (parts.Length == 1 || (parts[0] == "on-failure" && int.TryParse(parts[1], System.Globalization.NumberStyles.None, null, out count)))
            ? new RestartPolicy { Name = parts[0].Length == 0 ? "no" : parts[0], MaximumRetryCount = count }
            : throw new MicaException(
                ErrorKind.InvalidArgument, $"invalid restart policy: {Printable.Of(text)}: there are no, on-failure[:MAX], always and unless-stopped");
    }

    /// <summary>How an image is found.</summary>
    public static ImagePullPolicy Pull(string? text) => text switch
    {
        null or "missing" => ImagePullPolicy.Missing,
        "always" => ImagePullPolicy.Always,
        "never" => ImagePullPolicy.Never,
        _ => throw new MicaException(ErrorKind.InvalidArgument, $"invalid pull option: '{Printable.Of(text)}': must be one of \"always\", \"missing\" or \"never\""),
    };

    /// <summary>Limits of processes.</summary>
    public static ImmutableArray<Ulimit> Ulimits(IEnumerable<string> given)
    {
        static ulong Limit(long value) => value < 0 ? ulong.MaxValue : (ulong)value;
        return [.. BuildFlag.Ulimits(given).Select(limit => new Ulimit(limit.Name, Limit(limit.Soft), Limit(limit.Hard)))];
    }

    /// <summary>Lines of /etc/hosts.</summary>
    public static ImmutableArray<ExtraHost> Hosts(IEnumerable<string> given) =>
        [.. BuildFlag.Hosts(given).Select(host => new ExtraHost(host.Name, host.Address))];

    /// <summary><c>json-file</c> and its kin are one file of ours; the size of one is kept, its number is one.</summary>
    public static LogDefinition Log(string? driver, IEnumerable<string> options)
    {
        if (driver is not (null or "json-file" or "local" or "k8s-file" or "none"))
        {
            throw new MicaException(
                ErrorKind.Unsupported, $"logger: no log driver named '{Printable.Of(driver)}' is registered: there are json-file, local and none");
        }

        long? size = null;
        foreach (string option in options)
        {
            (string key, string? value) = BuildFlag.Pair(option);
            size = (key, value) switch
            {
                ("max-size", "-1") => null,
                ("max-size", { } text) => ByteSize.Parse(text, "--log-opt max-size"),
                ("max-file", "1") => size,
                ("max-file", _) => throw new MicaException(ErrorKind.Unsupported, "--log-opt max-file: one file is kept; give max-size alone"),
                _ => throw new MicaException(ErrorKind.InvalidArgument, $"unknown log opt '{Printable.Of(key)}' for json-file log driver"),
            };
        }

        return new LogDefinition { Driver = driver ?? "json-file", MaxBytes = size };
    }

    /// <summary>The namespace of a mode that is <c>host</c>, <c>container:NAME</c> or <paramref name="more"/>.</summary>
    public static string Mode(string? text, string option, params ReadOnlySpan<string> more) =>
        text is null or "" ? "" : text == "host" || (text.StartsWith("container:", StringComparison.Ordinal) && text.Length > 10 && option is "--pid" or "--ipc")
            || more.Contains(text) ? text
        : throw new MicaException(ErrorKind.InvalidArgument, $"{option}: invalid mode: {Printable.Of(text)}");

    /// <summary>Settings of the kernel.</summary>
    public static ImmutableSortedDictionary<string, string> Pairs(IEnumerable<string> given, string option)
    {
        var pairs = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (string text in given)
        {
            (string key, string? value) = BuildFlag.Pair(text);
            pairs[key] = value is not null && key.Length > 0 ? value
                : throw new MicaException(ErrorKind.InvalidArgument, $"invalid {option}: \"{Printable.Of(text)}\" (KEY=VALUE)");
        }

        return pairs.ToImmutable();
    }

    /// <summary>An absolute path of the container.</summary>
    public static string AbsolutePath(string path, string what) => path.StartsWith('/') ? path
        : throw new MicaException(ErrorKind.InvalidArgument, $"{what} '{Printable.Of(path)}' is invalid. It needs to be an absolute path");

    private static IEnumerable<string> Lines(string path)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new MicaException(ErrorKind.NotFound, $"open {Printable.Of(path)}: {Printable.Of(failure.Message)}", failure);
        }

        return lines.Select(line => line.TrimStart()).Where(line => line.Length > 0 && !line.StartsWith('#'));
    }
}
