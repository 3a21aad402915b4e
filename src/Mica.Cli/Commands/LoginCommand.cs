using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Hosting;
using Mica.Oci;
using Mica.Registry;

namespace Mica.Cli.Commands;

/// <summary><c>mica login</c>.</summary>
internal sealed class LoginCommand : CliCommand
{
    private readonly Option<bool> _insecure;
    private readonly Option<string?> _password;
    private readonly Option<bool> _passwordFromInput;
    private readonly Option<string?> _username;

    public LoginCommand()
        : base("[OPTIONS] [SERVER]", "Authenticate to a registry", ArgumentCount.AtMost(1))
    {
        _insecure = Flag("--insecure", null, "Accept a registry without TLS, or with a certificate that cannot be verified");
        _password = Text("--password", "-p", "string", "Password or Personal Access Token (PAT)");
        _passwordFromInput = Flag("--password-stdin", null, "Take the Password or Personal Access Token (PAT) from stdin");
        _username = Text("--username", "-u", "string", "Username");
    }

    public override string Remarks => "Defaults to Docker Hub if no server is specified. The credential is kept where docker and podman keep theirs.";

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica login", "Docker Hub; asks for name and password"),
        ("mica login -u me --password-stdin ghcr.io <token", "in scripts"),
    ];

    public override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        string server = ServerName.Of(invocation);
        Credential credential = ReadCredential(invocation);
        await using var client = new RegistryClient(RegistryAccess.Options(invocation, invocation.Value(_insecure)));
        Credential proven = await client.CheckLoginAsync(server.Split('/')[0], credential, cancellationToken);
        CredentialPlace place = await RegistryAccess.Credentials(invocation).StoreAsync(server, proven, cancellationToken);
        if (place.Program is null)
        {
            invocation.Host.Error.Write($"WARNING! Your credentials are stored unencrypted in '{Printable.Of(place.File)}'.\n");
        }

        invocation.Output.Write("Login Succeeded\n");
        return ExitCodes.Success;
    }

    private Credential ReadCredential(Invocation invocation)
    {
        string? username = invocation.Value(_username);
        string? password = invocation.Value(_password);
        bool fromInput = invocation.Value(_passwordFromInput);
        if (fromInput && password is not null)
        {
            throw invocation.Misuse("--password and --password-stdin are mutually exclusive");
        }

        if (fromInput && username is null)
        {
            throw invocation.Misuse("Must provide --username with --password-stdin");
        }

        if (password is not null)
        {
            invocation.Host.Error.Write("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
        }
        else if (fromInput)
        {
            using var input = new StreamReader(invocation.Host.OpenInput());
            password = input.ReadToEnd().TrimEnd('\r', '\n');
        }

        username ??= Ask(invocation, "Username: ", ReadLine);
        password ??= Ask(invocation, "Password: ", invocation.Host.ReadSecret);
        return username.Length > 0 && password.Length > 0
            ? new Credential { Username = username, Password = password }
            : throw new MicaException(ErrorKind.InvalidArgument, username.Length == 0 ? "username is required" : "password is required");

        string? ReadLine()
        {
            using var input = new StreamReader(invocation.Host.OpenInput(), bufferSize: 1);
            return input.ReadLine()?.Trim();
        }
    }

    private static string Ask(Invocation invocation, string prompt, Func<string?> read)
    {
        if (!invocation.Host.IsInputTerminal)
        {
            throw new MicaException(ErrorKind.InvalidArgument, "cannot perform an interactive login from a non TTY device");
        }

        invocation.Output.Write(prompt);
        invocation.Output.Flush();
        string answer = read() ?? "";
        if (read == invocation.Host.ReadSecret)
        {
            invocation.Output.Write("\n");
        }

        return answer;
    }
}
