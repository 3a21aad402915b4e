namespace Mica.Dockerfile;

/// <summary>Lines of a Dockerfile, counted from 1, both ends included.</summary>
public readonly record struct LineRange(int Start, int End)
{
    /// <summary>Whether <paramref name="line"/> is one of them.</summary>
    public bool Contains(int line) => line >= Start && line <= End;

    /// <summary><c>3</c> or <c>3-5</c>.</summary>
    public override string ToString() => Start == End ? $"{Start}" : $"{Start}-{End}";
}

/// <summary>A piece of one line: where a caret points. Columns count UTF-16 units from 1.</summary>
public readonly record struct SourceSpan(int Line, int Column, int Length);
