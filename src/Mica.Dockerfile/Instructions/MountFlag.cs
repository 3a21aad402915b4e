using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>
/// A <c>--mount</c> flag. Its values may have variables, so that what it mounts is known only in the build:
/// <see cref="Resolve"/>. One without variables has been checked already.
/// </summary>
/// <param name="Text">The flag's value.</param>
public sealed record MountFlag(string Text)
{
    /// <summary>Whether any value has variables to be replaced.</summary>
    public bool HasVariables => Text.Contains('$', StringComparison.Ordinal);

    /// <summary>The stage, image or context of the mount, which never has variables; null when there is none.</summary>
    public string? From => MountFields.Split(Text) is { } fields
        && fields.LastOrDefault(option => option.StartsWith("from=", StringComparison.OrdinalIgnoreCase)) is { } from ? from[5..] : null;

    /// <summary>Reads the options, each value through <paramref name="expand"/>.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not a valid mount.</exception>
    public RunMount Resolve(Func<string, string> expand)
    {
        if (MountFields.Split(Text) is not { } fields)
        {
            throw Invalid("failed to parse mount: quotes do not match");
        }

        var options = new MountOptions();
        foreach (string field in fields)
        {
            SetField(options, field, expand);
        }

        return options.ToMount();
    }

    /// <summary>What can be told before the build: everything when there are no variables, else the keys and the values without.</summary>
    internal void Check()
    {
        if (!HasVariables)
        {
            Resolve(text => text);
            return;
        }

        MountOptions options = new();
        foreach (string field in MountFields.Split(Text) ?? throw Invalid("failed to parse mount: quotes do not match"))
        {
            if (!field.Contains('$', StringComparison.Ordinal) || field.StartsWith("from=", StringComparison.OrdinalIgnoreCase))
            {
                SetField(options, field, text => text);
            }
        }
    }

    private static void SetField(MountOptions options, string field, Func<string, string> expand)
    {
        int equals = field.IndexOf('=', StringComparison.Ordinal);
        string key = (equals < 0 ? field : field[..equals]).Trim().ToLowerInvariant();
        string? value = equals < 0 ? null : field[(equals + 1)..];
        if (key == "from" && value is not null && value.AsSpan(0, Math.Max(0, value.Length - 1)).Contains('$'))
        {
            throw Invalid("'from' doesn't support variable expansion, define alias stage instead");
        }

        options.Set(key, key == "from" || value is null ? value : expand(value), field);
    }

    internal static MicaException Invalid(string message) => new(ErrorKind.InvalidArgument, Printable.Of(message));
}

/// <summary>Comma-separated fields, of which one in double quotes may have commas (RFC 4180).</summary>
internal static class MountFields
{
    /// <summary>Null when quotes do not match.</summary>
    public static ImmutableArray<string>? Split(string text)
    {
        ImmutableArray<string>.Builder fields = ImmutableArray.CreateBuilder<string>();
        int position = 0;
        while (position <= text.Length)
        {
            if (position < text.Length && text[position] == '"')
            {
                var field = new System.Text.StringBuilder();
                int end;
                while ((end = text.IndexOf('"', position + 1)) >= 0 && end + 1 < text.Length && text[end + 1] == '"')
                {
                    field.Append(text.AsSpan(position + 1, end - position));
                    position = end + 1;
                }

                if (end < 0 || (end + 1 < text.Length && text[end + 1] != ','))
                {
                    return null;
                }

                fields.Add(field.Append(text.AsSpan(position + 1, end - position - 1)).ToString());
                position = end + 2;
            }
            else
            {
                int end = text.IndexOf(',', position);
                end = end < 0 ? text.Length : end;
                fields.Add(text[position..end]);
                position = end + 1;
            }
        }

        return fields.ToImmutable();
    }
}
