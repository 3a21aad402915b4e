using Mica.Oci;

namespace Mica.Build;

/// <summary>What <c>--chmod</c> makes of a mode: octal digits, or clauses such as <c>u=rwX,go=rX</c>. chmod(1).</summary>
internal sealed class SymbolicMode
{
    private readonly uint? _octal;
    private readonly List<Change> _changes = [];

    private SymbolicMode(uint? octal) => _octal = octal;

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: neither form.</exception>
    public static SymbolicMode Parse(string text)
    {
        if (text.Length is > 0 and <= 5 && text.All(character => character is >= '0' and <= '7') && Convert.ToUInt32(text, 8) <= 0xfff)
        {
            return new SymbolicMode(Convert.ToUInt32(text, 8));
        }

        var mode = new SymbolicMode(null);
        foreach (string clause in text.Split(','))
        {
            if (!mode.TryAdd(clause))
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"invalid chmod parameter: '{Printable.Of(text)}'. it should be octal string and between 0 and 07777, or like u=rwX,go=rX");
            }
        }

        return mode;
    }

    public uint Apply(uint mode, bool isDirectory)
    {
        if (_octal is { } octal)
        {
            return octal;
        }

        foreach ((uint who, char operation, uint bits, bool conditional, int copied) in _changes)
        {
            uint wanted = bits | (conditional && (isDirectory || (mode & 0b001_001_001) != 0) ? 1u : 0u) | (copied < 0 ? 0 : (mode >> copied) & 7);
            uint special = ((bits & 8) != 0 ? ((who & 4) << 9) | ((who & 2) << 9) : 0) | ((bits & 16) != 0 ? 0x200u : 0);
            uint selected = Spread(who, wanted & 7) | special;
            mode = operation switch
            {
                '+' => mode | selected,
                '-' => mode & ~selected,
                _ => (mode & ~Spread(who, 7)) | selected,
            };
        }

        return mode;
    }

    private static uint Spread(uint who, uint bits) =>
        ((who & 4) != 0 ? bits << 6 : 0) | ((who & 2) != 0 ? bits << 3 : 0) | ((who & 1) != 0 ? bits : 0);

    private bool TryAdd(string clause)
    {
        int index = 0;
        uint who = 0;
        for (; index < clause.Length && clause[index] is 'u' or 'g' or 'o' or 'a'; index++)
        {
            who |= clause[index] switch { 'u' => 4u, 'g' => 2u, 'o' => 1u, _ => 7u };
        }

        who = who == 0 ? 7 : who;
        if (index == clause.Length)
        {
            return false;
        }

        while (index < clause.Length)
        {
            char operation = clause[index++];
            if (operation is not ('+' or '-' or '='))
            {
                return false;
            }

            uint bits = 0;
            bool conditional = false;
            int copied = -1;
            if (index < clause.Length && clause[index] is 'u' or 'g' or 'o')
            {
                copied = clause[index++] switch { 'u' => 6, 'g' => 3, _ => 0 };
            }

            for (; copied < 0 && index < clause.Length && clause[index] is not ('+' or '-' or '='); index++)
            {
                switch (clause[index])
                {
                    case 'r': bits |= 4; break;
                    case 'w': bits |= 2; break;
                    case 'x': bits |= 1; break;
                    case 'X': conditional = true; break;
                    case 's': bits |= 8; break;
                    case 't': bits |= 16; break;
                    default: return false;
                }
            }

            _changes.Add(new Change(who, operation, bits, conditional, copied));
        }

        return true;
    }

    /// <summary>One operation of a clause.</summary>
    /// <param name="Who">Whose bits it changes: 4 the user's, 2 the group's, 1 the others'.</param>
    /// <param name="Operation"><c>+</c>, <c>-</c>, <c>=</c>.</param>
    /// <param name="Bits">4 read, 2 write, 1 execute, 8 setuid and setgid, 16 sticky.</param>
    /// <param name="ConditionalExecute"><c>X</c>.</param>
    /// <param name="Copied">How far up the bits are that are taken as they are, as in <c>g=u</c>; -1: none.</param>
    private readonly record struct Change(uint Who, char Operation, uint Bits, bool ConditionalExecute, int Copied);
}
