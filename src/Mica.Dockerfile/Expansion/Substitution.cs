namespace Mica.Dockerfile;

/// <summary>One <c>$name</c> or <c>${name…}</c> at the reader's position.</summary>
internal sealed class Substitution(ExpansionReader reader)
{
    private int _start;
    private string _name = "";
    private string? _value;

    /// <summary>Takes the substitution from the reader and returns what stands in its place.</summary>
    public string Read()
    {
        _start = reader.Position;
        reader.Next();
        if (reader.Peek != '{' || reader.AtEnd)
        {
            ReadName();
            return _name.Length == 0 ? "$" : Plain();
        }

        reader.Next();
        if (reader.AtEnd)
        {
            throw ExpansionReader.Broken("syntax error: missing '}'");
        }

        if (reader.Peek is '{' or '}' or ':')
        {
            throw ExpansionReader.Broken("syntax error: bad substitution");
        }

        ReadName();
        return ReadModifier();
    }

    private string Kept => reader.Since(_start);

    private bool KeepsUnset => reader.Lexer.KeepUnset && _value is null;

    private string Plain()
    {
        Note(hasSubstitute: false);
        return KeepsUnset ? Kept : _value ?? "";
    }

    /// <summary>A number, one of the shell's special characters, or letters, digits and underscores.</summary>
    private void ReadName()
    {
        int start = reader.Position;
        if (char.IsDigit(reader.Peek))
        {
            while (char.IsDigit(reader.Peek))
            {
                reader.Next();
            }
        }
        else if (!reader.AtEnd && reader.Peek is '@' or '*' or '#' or '?' or '-' or '$' or '!')
        {
            reader.Next();
        }
        else
        {
            while (!reader.AtEnd && (char.IsLetterOrDigit(reader.Peek) || reader.Peek == '_'))
            {
                reader.Next();
            }
        }

        _name = reader.Since(start);
        _value = reader.Scope.TryGet(_name, out string? value) ? value : null;
    }

    private string ReadModifier()
    {
        if (reader.AtEnd)
        {
            throw ExpansionReader.Broken("syntax error: missing '}'");
        }

        char modifier = reader.Next();
        if (modifier == '}')
        {
            return Plain();
        }

        bool nullIsUnset = modifier == ':';
        if (nullIsUnset)
        {
            modifier = reader.Next();
        }

        string written = nullIsUnset ? ":" + modifier : modifier.ToString();
        return modifier switch
        {
            '-' or '+' or '?' => Alternative(modifier, nullIsUnset),
            '#' or '%' when !nullIsUnset => Trimmed(modifier),
            '/' when !nullIsUnset => Replaced(),
            _ => throw ExpansionReader.Broken($"unsupported modifier ({written}) in substitution"),
        };
    }

    private string Alternative(char modifier, bool nullIsUnset)
    {
        string word = Word('}', rawEscapes: false);
        Note(hasSubstitute: true);
        if (KeepsUnset)
        {
            return Kept;
        }

        bool has = _value is not null && !(nullIsUnset && _value.Length == 0);
        return modifier switch
        {
            '-' => has ? _value! : word,
            '+' => has ? word : "",
            _ when has => _value!,
            _ when word.Length > 0 => throw ExpansionReader.Broken($"{_name}: {word}"),
            _ when _value is null => throw ExpansionReader.Broken($"{_name}: is not allowed to be unset"),
            _ => throw ExpansionReader.Broken($"{_name}: is not allowed to be empty"),
        };
    }

    private string Trimmed(char modifier)
    {
        bool longest = reader.Peek == modifier;
        if (longest)
        {
            reader.Next();
        }

        string pattern = Word('}', rawEscapes: true);
        Note(hasSubstitute: false);
        if (KeepsUnset)
        {
            return Kept;
        }

        ShellPattern compiled = ShellPattern.Compile(pattern, reader.Lexer.Escape);
        string value = _value ?? "";
        if (modifier == '#')
        {
            return value[(compiled.MatchAtStart(value, longest) ?? 0)..];
        }

        return value[..^(compiled.MatchAtEnd(value, longest) ?? 0)];
    }

    private string Replaced()
    {
        bool all = reader.Peek == '/';
        if (all)
        {
            reader.Next();
        }

        string pattern = Word('/', rawEscapes: true);
        string replacement = Word('}', rawEscapes: false);
        Note(hasSubstitute: false);
        if (KeepsUnset)
        {
            return Kept;
        }

        return ShellPattern.Compile(pattern, reader.Lexer.Escape).Replace(_value ?? "", replacement, all);
    }

    private string Word(char stop, bool rawEscapes)
    {
        try
        {
            return reader.ReadUntil(stop, rawEscapes).Text;
        }
        catch (Oci.MicaException) when (reader.AtEnd)
        {
            throw ExpansionReader.Broken($"syntax error: missing '{stop}'");
        }
    }

    private void Note(bool hasSubstitute)
    {
        if (_value is not null)
        {
            reader.Use.Found(_name);
        }
        else if (!hasSubstitute)
        {
            reader.Use.Missed(_name);
        }
    }
}
