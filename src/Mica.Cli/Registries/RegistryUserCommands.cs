using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.RegistryServer.Access;

namespace Mica.Cli.Registries;

/// <summary>A command about a file of users.</summary>
internal abstract class RegistryUserCommand : CliCommand
{
    private readonly Option<string?> _file;

    protected RegistryUserCommand(string usage, string summary, ArgumentCount count)
        : base(usage, summary, count) =>
        _file = Text("--htpasswd", null, "file", "File of users with bcrypt passwords, as htpasswd -B writes it", Completes.Files);

    protected string FileOf(Invocation invocation) => invocation.Value(_file) is { Length: > 0 } file
        ? Path.GetFullPath(file)
        : throw invocation.Misuse("--htpasswd is missing: the file that the registry reads users from");
}

/// <summary><c>mica registry user add</c>.</summary>
internal sealed class RegistryUserAddCommand() : RegistryUserCommand("[OPTIONS] NAME", "Add a user, or change the password of one", ArgumentCount.Exactly(1))
{
    public override string Remarks => "Reads the password from standard input, or asks for it on a terminal. A registry that is being served knows it at once.";

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica registry user add alice --htpasswd /etc/mica/users <password", "in scripts"),
    ];

    public override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        string file = FileOf(invocation);
        RegistryUsers.Set(file, invocation.Arguments[0], await ReadPasswordAsync(invocation, cancellationToken));
        return ExitCodes.Success;
    }

    private static async Task<string> ReadPasswordAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        if (invocation.Host.IsInputTerminal)
        {
            string first = Ask(invocation, "Password: ");
            return Ask(invocation, "Password again: ") == first ? first : throw invocation.Misuse("the two passwords are not the same");
        }

        using var input = new StreamReader(invocation.Host.OpenInput());
        return (await input.ReadToEndAsync(cancellationToken)).TrimEnd('\r', '\n');
    }

    private static string Ask(Invocation invocation, string prompt)
    {
        invocation.Output.Write(prompt);
        invocation.Output.Flush();
        string answer = invocation.Host.ReadSecret() ?? "";
        invocation.Output.Write("\n");
        return answer;
    }
}

/// <summary><c>mica registry user rm</c>.</summary>
internal sealed class RegistryUserRemoveCommand() : RegistryUserCommand("[OPTIONS] NAME [NAME...]", "Remove users", ArgumentCount.AtLeast(1))
{
    public override Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        string file = FileOf(invocation);
        return invocation.ForEachArgumentAsync(name =>
        {
            RegistryUsers.Remove(file, name);
            return Task.CompletedTask;
        });
    }
}
