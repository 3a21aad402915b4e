namespace Mica.Dockerfile;

/// <summary>A here-document: <c>[n]&lt;&lt;[-]NAME</c> in the instruction, its content in the lines after it.</summary>
/// <param name="Name">The word that ends it, without quotes.</param>
/// <param name="FileDescriptor">The number before the arrows; 0 when there is none.</param>
/// <param name="Chomp">Written with <c>-</c>: tabs at the beginning of its lines do not count.</param>
/// <param name="Expand">False when any part of the name is quoted: variables in the content stay as they are.</param>
/// <param name="Content">The lines as they are in the file, each ended by a line feed.</param>
/// <param name="Lines">From its first line to the one with the name.</param>
public sealed record Heredoc(string Name, int FileDescriptor, bool Chomp, bool Expand, string Content, LineRange Lines)
{
    /// <summary>The content, without leading tabs when it is chomped.</summary>
    public string Text => Chomp ? string.Join('\n', Content.Split('\n').Select(line => line.TrimStart('\t'))) : Content;
}
