using System.Collections.Immutable;
using System.Text;

namespace Mica.Cli.Templates;

/// <summary>One application of a template to one value.</summary>
internal sealed class TemplateExecution(string template, Func<string, ImmutableArray<Value>, Value> call)
{
    /// <summary>Output that no listing needs; ends templates that range over ranges of ranges.</summary>
    private const int MaxOutput = 64 << 20;

    private const long MaxRange = 1_000_000;

    /// <summary>Elements of all ranges together: nested ones multiply, and need not print anything.</summary>
    private const int MaxElements = 10_000_000;

    private readonly StringBuilder _output = new();
    private readonly List<(string Name, Value Value)> _variables = [];
    private int _elements;

    private enum Flow
    {
        Next,
        Break,
        Continue,
    }

    public string Run(ImmutableArray<TemplateNode> nodes, Value value)
    {
        _variables.Add(("$", value));
        Walk(nodes, value);
        return _output.ToString();
    }

    private Flow Walk(ImmutableArray<TemplateNode> nodes, Value dot)
    {
        foreach (TemplateNode node in nodes)
        {
            Flow flow = Walk(node, dot);
            if (flow != Flow.Next)
            {
                return flow;
            }

            if (_output.Length > MaxOutput)
            {
                throw Error(node, "output is too long");
            }
        }

        return Flow.Next;
    }

    private Flow Walk(TemplateNode node, Value dot)
    {
        switch (node)
        {
            case TextNode text:
                _output.Append(text.Text);
                return Flow.Next;
            case ActionNode action:
                Value value = Evaluate(action.Pipeline, dot);
                Bind(action.Pipeline, value);
                if (action.Pipeline.Variables.Length == 0)
                {
                    _output.Append(GoFormat.Printed(value));
                }

                return Flow.Next;
            case JumpNode jump:
                return jump.IsBreak ? Flow.Break : Flow.Continue;
            case BranchNode branch:
                int scope = _variables.Count;
                Flow flow = branch.Kind == BranchKind.Range ? WalkRange(branch, dot) : WalkCondition(branch, dot);
                _variables.RemoveRange(scope, _variables.Count - scope);
                return flow;
            default:
                throw Error(node, "cannot be executed");
        }
    }

    private Flow WalkCondition(BranchNode branch, Value dot)
    {
        Value value = Evaluate(branch.Pipeline, dot);
        Bind(branch.Pipeline, value);
        return value.IsTrue ? Walk(branch.Then, branch.Kind == BranchKind.With ? value : dot) : Walk(branch.Else, dot);
    }

    private Flow WalkRange(BranchNode branch, Value dot)
    {
        Value value = Evaluate(branch.Pipeline, dot);
        IEnumerable<(Value Key, Value Item)> items = value switch
        {
            ListValue list => list.Items.Select((item, at) => (Value.Of((long)at), item)),
            MapValue map => map.Entries.Select(entry => (Value.Of(entry.Key), entry.Value)),
            IntegerValue { Number: <= MaxRange } count => Count(count.Number),
            NullValue => [],
            _ => throw Error(branch.Pipeline, $"range can't iterate over {GoFormat.Display(value)}"),
        };
        bool any = false;
        int scope = _variables.Count;
        foreach ((Value key, Value item) in items)
        {
            any = true;
            if (++_elements > MaxElements)
            {
                throw Error(branch.Pipeline, "range takes too long");
            }

            BindElement(branch.Pipeline, key, item);
            Flow flow = Walk(branch.Then, item);
            _variables.RemoveRange(scope, _variables.Count - scope);
            if (flow == Flow.Break)
            {
                break;
            }
        }

        return any ? Flow.Next : Walk(branch.Else, dot);
    }

    private static IEnumerable<(Value Key, Value Item)> Count(long count)
    {
        for (long i = 0; i < count; i++)
        {
            yield return (Value.Of(i), Value.Of(i));
        }
    }

    private void BindElement(PipelineNode pipeline, Value key, Value item)
    {
        if (pipeline.Variables is [var only])
        {
            Set(only, pipeline.Assigns, item);
        }
        else if (pipeline.Variables is [var first, var second])
        {
            Set(first, pipeline.Assigns, key);
            Set(second, pipeline.Assigns, item);
        }
    }

    private void Bind(PipelineNode pipeline, Value value)
    {
        foreach (string name in pipeline.Variables)
        {
            Set(name, pipeline.Assigns, value);
        }
    }

    private void Set(string name, bool assigns, Value value)
    {
        int at = assigns ? _variables.FindLastIndex(variable => variable.Name == name) : -1;
        if (at >= 0)
        {
            _variables[at] = (name, value);
        }
        else
        {
            _variables.Add((name, value));
        }
    }

    private Value Evaluate(PipelineNode pipeline, Value dot)
    {
        Value? previous = null;
        foreach (CommandNode command in pipeline.Commands)
        {
            previous = Evaluate(command, dot, previous);
        }

        return previous ?? Value.Null;
    }

    private Value Evaluate(CommandNode command, Value dot, Value? piped)
    {
        TemplateNode first = command.Operands[0];
        if (first is FunctionNode function)
        {
            return EvaluateFunction(command, function, dot, piped);
        }

        if (command.Operands.Length > 1 || piped is not null)
        {
            throw Error(first, first switch
            {
                FieldNode field => $"{field.Names[^1]} is not a method but has arguments",
                VariableNode { Names: [.., var last] } => $"{last} is not a method but has arguments",
                _ => $"can't give argument to non-function {first}",
            });
        }

        return first is LiteralNode { Value: NullValue } ? throw Error(first, "nil is not a command") : Operand(first, dot);
    }

    private Value EvaluateFunction(CommandNode command, FunctionNode function, Value dot, Value? piped)
    {
        ImmutableArray<TemplateNode> operands = command.Operands[1..];
        int count = operands.Length + (piped is null ? 0 : 1);
        (int least, int most) = TemplateFunctions.Arity(function.Name) ?? (0, 0);
        if (count < least || count > most)
        {
            string want = least == most ? $"{least}" : $"at least {least}";
            throw Error(function, $"wrong number of args for {function.Name}: want {want} got {count}");
        }

        if (function.Name is "and" or "or")
        {
            return EvaluateLogic(operands, function.Name == "and", dot, piped);
        }

        ImmutableArray<Value> arguments = [.. operands.Select(operand => Operand(operand, dot)), .. piped is null ? [] : new[] { piped }];
        try
        {
            return call(function.Name, arguments);
        }
        catch (FunctionException error)
        {
            throw error.Argument is { } wrong
                ? Error(wrong < operands.Length ? operands[wrong] : command, error.Message)
                : Error(command, $"error calling {function.Name}: {error.Message}");
        }
    }

    /// <summary>Stops at the first operand that decides.</summary>
    private Value EvaluateLogic(ImmutableArray<TemplateNode> operands, bool isAnd, Value dot, Value? piped)
    {
        Value value = Value.Null;
        foreach (TemplateNode operand in operands)
        {
            value = Operand(operand, dot);
            if (value.IsTrue != isAnd)
            {
                return value;
            }
        }

        return piped ?? value;
    }

    private Value Operand(TemplateNode node, Value dot) => node switch
    {
        DotNode => dot,
        LiteralNode literal => literal.Value,
        FieldNode field => Fields(field, dot, field.Names),
        VariableNode variable => Fields(variable, _variables.FindLast(known => known.Name == variable.Name).Value, variable.Names),
        ChainNode chain => Fields(chain, Operand(chain.Inner, dot), chain.Names),
        PipelineNode pipeline => EvaluateParenthesis(pipeline, dot),
        FunctionNode function => EvaluateFunction(new CommandNode(function.Position, [function]), function, dot, null),
        _ => throw Error(node, "cannot be evaluated"),
    };

    private Value EvaluateParenthesis(PipelineNode pipeline, Value dot)
    {
        Value value = Evaluate(pipeline, dot);
        Bind(pipeline, value);
        return value;
    }

    private Value Fields(TemplateNode node, Value value, ImmutableArray<string> names)
    {
        foreach (string name in names)
        {
            value = value switch
            {
                MapValue map when map.Entries.TryGetValue(name, out Value? entry) => entry,
                MapValue { Strict: true } => throw Error(node, $"map has no entry for key {GoFormat.Quote(name)}"),
                MapValue => Value.Null,
                NullValue => throw Error(node, $"nil pointer evaluating interface {{}}.{name}"),
                RowValue row => row.Columns.FirstOrDefault(column => column.Key == name).Value
                    ?? throw Error(node, $"can't evaluate field {name} in type {row.Type}"),
                _ => throw Error(node, $"can't evaluate field {name} in type {value.Kind}"),
            };
        }

        return value;
    }

    private TemplateException Error(TemplateNode node, string message) => TemplateException.Executing(template, node, message);
}
