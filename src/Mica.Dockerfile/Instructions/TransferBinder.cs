using System.Collections.Immutable;

namespace Mica.Dockerfile;

/// <summary>COPY and ADD.</summary>
internal static class TransferBinder
{
    public static Instruction? BindCopy(BindingContext context)
    {
        context.CheckFlags(["from", "chown", "chmod", "link", "parents", "exclude"], "exclude");
        string? from = context.Text("from");
        return Transfer(context) is { } transfer ? new CopyInstruction(context.Syntax, transfer, from) : null;
    }

    public static Instruction? BindAdd(BindingContext context)
    {
        context.CheckFlags(["chown", "chmod", "link", "keep-git-dir", "checksum", "unpack", "exclude"], "exclude");
        string? checksum = context.Text("checksum");
        bool? keepGitDir = context.Bool("keep-git-dir");
        bool? unpack = context.Bool("unpack");
        return Transfer(context) is { } transfer ? new AddInstruction(context.Syntax, transfer, checksum, keepGitDir, unpack) : null;
    }

    private static FileTransfer? Transfer(BindingContext context)
    {
        if (Words(context) is not { } words)
        {
            return null;
        }

        if (words.Length < 2)
        {
            context.Fail(words.Length == 0 ? $"{context.Name} requires at least two arguments, but none were provided"
                : $"{context.Name} requires at least two arguments, but only one was provided. Destination could not be determined");
            return null;
        }

        if (!context.Syntax.Heredocs.IsEmpty && HeredocWord.TryParse(words[^1], out _))
        {
            context.Fail($"{context.Name} cannot accept a heredoc as a destination");
            return null;
        }

        return new FileTransfer
        {
            Sources = Sources(context, words[..^1]),
            Destination = words[^1],
            Owner = context.Text("chown") is { Length: > 0 } owner ? owner : null,
            Mode = context.Text("chmod") is { Length: > 0 } mode ? mode : null,
            Link = context.Bool("link") ?? false,
            Parents = context.Bool("parents") ?? false,
            Exclude = context.All("exclude"),
        };
    }

    /// <summary>A text that begins like JSON but is none is words, as a path may begin with a bracket.</summary>
    private static ImmutableArray<string>? Words(BindingContext context)
    {
        switch (JsonForm.Parse(context.Arguments, out ImmutableArray<string> words))
        {
            case JsonForm.Kind.Strings:
                return words;
            case JsonForm.Kind.Mixed:
                context.FailAt(JsonForm.OnlyStrings, new ArgumentWord(context.Arguments, 0));
                return null;
            default:
                return [.. ArgumentWords.Plain(context.Arguments).Select(word => word.Text)];
        }
    }

    private static ImmutableArray<TransferSource> Sources(BindingContext context, ImmutableArray<string> words)
    {
        ImmutableArray<TransferSource>.Builder sources = ImmutableArray.CreateBuilder<TransferSource>(words.Length);
        int next = 0;
        foreach (string word in words)
        {
            if (next < context.Syntax.Heredocs.Length && HeredocWord.TryParse(word, out _))
            {
                Heredoc heredoc = context.Syntax.Heredocs[next++];
                sources.Add(new InlineSource(new InlineFile(heredoc.Name, heredoc.Text, heredoc.Expand)));
            }
            else
            {
                sources.Add(new PathSource(word));
            }
        }

        if (next < context.Syntax.Heredocs.Length)
        {
            context.Fail($"{context.Name} cannot tell which source is the heredoc {context.Syntax.Heredocs[next].Name}: its name may not have blanks");
        }

        return sources.ToImmutable();
    }
}
