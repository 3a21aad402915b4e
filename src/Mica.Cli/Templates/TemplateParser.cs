using System.Collections.Immutable;

namespace Mica.Cli.Templates;

/// <summary>Builds the nodes of a template from its tokens, and refuses what cannot be executed whatever the value is.</summary>
internal sealed class TemplateParser
{
    private const int MaxDepth = 100;

    private readonly string _template;
    private readonly List<Token> _tokens;
    private readonly List<string> _variables = ["$"];
    private int _next;
    private int _ranges;
    private int _depth;

    public TemplateParser(string template)
    {
        _template = template;
        _tokens = new TemplateLexer(template).Lex();
    }

    /// <exception cref="TemplateException">The template is malformed.</exception>
    public ImmutableArray<TemplateNode> Parse()
    {
        ImmutableArray<TemplateNode> nodes = ParseList(out string? terminator, out Token at);
        return terminator is null ? nodes : throw Error(at, $"unexpected {{{{{terminator}}}}}");
    }

    private Token Current => _tokens[_next];

    /// <summary>Nodes up to the end or to <c>{{end}}</c> or <c>{{else</c>, which is consumed and told in <paramref name="terminator"/>.</summary>
    private ImmutableArray<TemplateNode> ParseList(out string? terminator, out Token at)
    {
        ImmutableArray<TemplateNode>.Builder nodes = ImmutableArray.CreateBuilder<TemplateNode>();
        while (Current.Kind != TokenKind.End)
        {
            Token token = Take();
            if (token.Kind == TokenKind.Text)
            {
                nodes.Add(new TextNode(token.Position, token.Text));
                continue;
            }

            Token word = SkipSpace();
            if (word is { Kind: TokenKind.Word, Text: "end" or "else" })
            {
                Take();
                terminator = word.Text;
                at = word;
                return nodes.ToImmutable();
            }

            nodes.Add(ParseAction(word));
        }

        terminator = null;
        at = Current;
        return nodes.ToImmutable();
    }

    private TemplateNode ParseAction(Token word)
    {
        switch (word.Kind == TokenKind.Word ? word.Text : "")
        {
            case "if":
                return ParseBranch(Take(), BranchKind.If);
            case "with":
                return ParseBranch(Take(), BranchKind.With);
            case "range":
                return ParseBranch(Take(), BranchKind.Range);
            case "break" or "continue" when _ranges == 0:
                throw Error(word, $"{{{{{word.Text}}}}} outside {{{{range}}}}");
            case "break" or "continue":
                Take();
                ExpectClose(word.Text);
                return new JumpNode(word.Position, word.Text == "break");
            case "define" or "block" or "template":
                throw Error(word, $"{{{{{word.Text}}}}} is not supported here: write the template in one piece");
            default:
                return new ActionNode(word.Position, ParsePipeline("command", TokenKind.Close));
        }
    }

    private BranchNode ParseBranch(Token keyword, BranchKind kind)
    {
        int scope = _variables.Count;
        Enter(keyword);
        PipelineNode pipeline = ParsePipeline(keyword.Text, TokenKind.Close);
        _ranges += kind == BranchKind.Range ? 1 : 0;
        ImmutableArray<TemplateNode> then = ParseList(out string? terminator, out _);
        _ranges -= kind == BranchKind.Range ? 1 : 0;
        ImmutableArray<TemplateNode> otherwise = [];
        if (terminator == "else")
        {
            Token next = SkipSpace();
            if (next is { Kind: TokenKind.Word, Text: "if" or "with" } && next.Text == keyword.Text)
            {
                // "else if" nests, but shares the one {{end}}.
                otherwise = [ParseBranch(Take(), kind)];
                Leave(scope);
                return new BranchNode(keyword.Position, kind, pipeline, then, otherwise);
            }

            ExpectClose("else");
            otherwise = ParseList(out terminator, out Token at);
            if (terminator == "else")
            {
                throw Error(at, "expected end; found {{else}}");
            }
        }

        if (terminator is null)
        {
            throw Error(Current, "unexpected EOF");
        }

        ExpectClose("end");
        Leave(scope);
        return new BranchNode(keyword.Position, kind, pipeline, then, otherwise);
    }

    private PipelineNode ParsePipeline(string context, TokenKind end)
    {
        Token start = SkipSpace();
        ImmutableArray<string> declared = ParseDeclaration(context, out bool assigns);
        ImmutableArray<CommandNode>.Builder commands = ImmutableArray.CreateBuilder<CommandNode>();
        while (true)
        {
            Token token = SkipSpace();
            if (token.Kind == end)
            {
                Take();
                if (commands.Count == 0)
                {
                    throw Error(token, $"missing value for {context}");
                }

                CheckStages(commands);
                if (!assigns)
                {
                    _variables.AddRange(declared);
                }

                return new PipelineNode(start.Position, declared, assigns, commands.ToImmutable());
            }

            if (!StartsOperand(token.Kind))
            {
                throw Error(token, $"unexpected {Describe(token)} in {context}");
            }

            commands.Add(ParseCommand(context, end));
        }
    }

    /// <summary>Only functions can take what the stage before them gives.</summary>
    private void CheckStages(IEnumerable<CommandNode> commands)
    {
        int stage = 1;
        foreach (CommandNode command in commands)
        {
            if (stage > 1 && command.Operands[0] is LiteralNode or DotNode)
            {
                throw TemplateException.Parsing(
                    _template, command.Position, $"non executable command in pipeline stage {stage}");
            }

            stage++;
        }
    }

    /// <summary><c>$a :=</c>, <c>$a =</c> or, after range, <c>$i, $e :=</c>; empty when the pipeline begins otherwise.</summary>
    private ImmutableArray<string> ParseDeclaration(string context, out bool assigns)
    {
        assigns = false;
        int start = _next;
        ImmutableArray<string>.Builder names = ImmutableArray.CreateBuilder<string>();
        while (SkipSpace() is { Kind: TokenKind.Variable } variable)
        {
            Take();
            names.Add(variable.Text);
            Token after = SkipSpace();
            if (after.Kind is TokenKind.Declare or TokenKind.Assign)
            {
                Take();
                assigns = after.Kind == TokenKind.Assign;
                if (assigns && names.FirstOrDefault(name => !_variables.Contains(name)) is { } unknown)
                {
                    throw Error(variable, $"undefined variable {Quote(unknown)}");
                }

                return names.ToImmutable();
            }

            if (after.Kind != TokenKind.Comma || context != "range" || names.Count == 2)
            {
                break;
            }

            Take();
        }

        if (names.Count > 1)
        {
            throw Error(Current, "range can only initialize variables");
        }

        _next = start;
        return [];
    }

    private CommandNode ParseCommand(string context, TokenKind end)
    {
        ImmutableArray<TemplateNode>.Builder operands = ImmutableArray.CreateBuilder<TemplateNode>();
        Token start = SkipSpace();
        while (true)
        {
            Token token = SkipSpace();
            if (StartsOperand(token.Kind))
            {
                operands.Add(ParseOperand());
            }

            token = Current;
            if (token.Kind == TokenKind.Space)
            {
                Take();
            }
            else if (token.Kind == TokenKind.Pipe)
            {
                Take();
                if (SkipSpace().Kind == end)
                {
                    throw Error(Current, $"missing value for {context}");
                }

                break;
            }
            else if (token.Kind == end)
            {
                break;
            }
            else
            {
                throw Error(token, $"unexpected {Describe(token)} in operand");
            }
        }

        return new CommandNode(start.Position, operands.ToImmutable());
    }

    private TemplateNode ParseOperand()
    {
        Token token = Take();
        TemplateNode node = token.Kind switch
        {
            TokenKind.Dot => new DotNode(token.Position),
            TokenKind.Field => new FieldNode(token.Position, [token.Text[1..]]),
            TokenKind.Variable => ParseVariable(token),
            TokenKind.Word => ParseWord(token),
            TokenKind.LeftParenthesis => ParseParenthesis(token),
            _ => new LiteralNode(token.Position, token.Text, TemplateLiteral.Parse(_template, token)),
        };
        if (Current.Kind != TokenKind.Field)
        {
            return node;
        }

        int position = Current.Position;
        ImmutableArray<string>.Builder names = ImmutableArray.CreateBuilder<string>();
        while (Current.Kind == TokenKind.Field)
        {
            names.Add(Take().Text[1..]);
        }

        return node switch
        {
            FieldNode field => new FieldNode(position, [.. field.Names, .. names]),
            VariableNode variable => variable with { Position = position, Names = names.ToImmutable() },
            LiteralNode or DotNode => throw Error(token, $"unexpected . after term {Quote(token.Text)}"),
            _ => new ChainNode(position, node, names.ToImmutable()),
        };
    }

    private PipelineNode ParseParenthesis(Token open)
    {
        Enter(open);
        PipelineNode pipeline = ParsePipeline("parenthesized pipeline", TokenKind.RightParenthesis);
        _depth--;
        return pipeline;
    }

    private VariableNode ParseVariable(Token token)
    {
        RequireVariable(token, token.Text);
        return new VariableNode(token.Position, token.Text, []);
    }

    private TemplateNode ParseWord(Token token) => token.Text switch
    {
        "true" or "false" => new LiteralNode(token.Position, token.Text, Value.Of(token.Text == "true")),
        "nil" => new LiteralNode(token.Position, token.Text, Value.Null),
        "if" or "else" or "end" or "range" or "with" or "break" or "continue" or "define" or "template" or "block" =>
            throw Error(token, $"unexpected <{token.Text}> in operand"),
        _ when TemplateFunctions.Exists(token.Text) => new FunctionNode(token.Position, token.Text),
        _ => throw Error(token, $"function {Quote(token.Text)} not defined"),
    };

    private void RequireVariable(Token at, string name)
    {
        if (!_variables.Contains(name))
        {
            throw Error(at, $"undefined variable {Quote(name)}");
        }
    }

    private void Enter(Token at)
    {
        if (++_depth > MaxDepth)
        {
            throw Error(at, $"nested more than {MaxDepth} deep");
        }
    }

    private void Leave(int scope)
    {
        _depth--;
        _variables.RemoveRange(scope, _variables.Count - scope);
    }

    private void ExpectClose(string context)
    {
        Token token = SkipSpace();
        if (token.Kind != TokenKind.Close)
        {
            throw Error(token, $"unexpected {Describe(token)} in {context}");
        }

        Take();
    }

    private Token Take() => _tokens[_next++];

    private Token SkipSpace()
    {
        while (Current.Kind == TokenKind.Space)
        {
            _next++;
        }

        return Current;
    }

    private static bool StartsOperand(TokenKind kind) => kind is TokenKind.Dot or TokenKind.Field or TokenKind.Variable
        or TokenKind.Word or TokenKind.Quoted or TokenKind.Number or TokenKind.Character or TokenKind.LeftParenthesis;

    private static string Describe(Token token) =>
        token.Kind == TokenKind.End ? "EOF" : token.Kind == TokenKind.Word ? $"<{token.Text}>" : Quote(token.Text);

    private static string Quote(string text) => GoFormat.Quote(text);

    private TemplateException Error(Token at, string message) => TemplateException.Parsing(_template, at.Position, message);
}
