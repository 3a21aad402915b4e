using Mica.Oci;

namespace Mica.Cli.Containers;

/// <summary>
/// The keys by which a user leaves a container that runs on, such as <c>ctrl-p,ctrl-q</c>. What was typed is held back for as
/// long as it may be their beginning.
/// </summary>
internal sealed class DetachKeys(byte[] keys)
{
    private int _matched;

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not keys.</exception>
    public static DetachKeys Parse(string? text)
    {
        string[] names = (text is null or "" ? "ctrl-p,ctrl-q" : text).Split(',');
        return new DetachKeys([.. names.Select(name => name switch
        {
            [var letter] when letter < 128 => (byte)letter,
            _ when name.StartsWith("ctrl-", StringComparison.OrdinalIgnoreCase) && name.Length == 6 && Control(char.ToLowerInvariant(name[5])) is { } code => code,
            _ => throw new MicaException(ErrorKind.InvalidArgument, $"invalid detach keys ({Printable.Of(text)}): unknown character: '{Printable.Of(name)}'"),
        })]);
    }

    /// <summary>Gives what goes on to the container to <paramref name="forward"/>; true: the keys were typed.</summary>
    public bool Filter(ReadOnlySpan<byte> typed, List<byte> forward)
    {
        foreach (byte key in typed)
        {
            if (key == keys[_matched])
            {
                _matched++;
                if (_matched == keys.Length)
                {
                    _matched = 0;
                    return true;
                }

                continue;
            }

            forward.AddRange(keys.AsSpan(0, _matched).ToArray());
            _matched = key == keys[0] && keys.Length > 1 ? 1 : 0;
            if (_matched == 0)
            {
                forward.Add(key);
            }
        }

        return false;
    }

    private static byte? Control(char c) => c switch
    {
        >= 'a' and <= 'z' => (byte)(c - 'a' + 1),
        '@' => 0,
        '[' => 27,
        '\\' => 28,
        ']' => 29,
        '^' => 30,
        '_' => 31,
        _ => null,
    };
}
