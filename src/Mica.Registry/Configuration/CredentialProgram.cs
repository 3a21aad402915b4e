using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// A credential helper, <c>docker-credential-NAME</c>: a program that keeps credentials in a keychain and is asked over
/// standard input and output. What it writes is bounded, and no message shows a secret.
/// github.com/docker/docker-credential-helpers, "Development".
/// </summary>
internal sealed class CredentialProgram(string name, CredentialLocations locations, TimeProvider time)
{
    /// <summary>In place of a user's name: the secret is an identity token.</summary>
    private const string TokenUsername = "<token>";

    private const string NotFound = "credentials not found in native keychain";
    private const int MaxOutput = 1 << 20;

    /// <summary>How long a stream may stay open after the program ended: a daemon it started may have inherited it.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(1);

    /// <summary>The program's file name.</summary>
    public string Name { get; } = "docker-credential-" + name;

    /// <summary>The credential for <paramref name="server"/>; null when the helper has none.</summary>
    public async Task<Credential?> GetAsync(string server, CancellationToken cancellationToken)
    {
        Answer answer = await RunAsync("get", server, cancellationToken);
        if (answer.Code != 0)
        {
            return answer.SaysNotFound ? null : throw Failed("get", server, answer, secret: null);
        }

        JsonObject members = ParseAnswer("get", answer);
        string username = Member(members, "Username");
        string secret = Member(members, "Secret");
        return (username, secret) switch
        {
            (_, "") => null,
            (TokenUsername, _) => new Credential { IdentityToken = secret, Origin = Name },
            _ => new Credential { Username = username, Password = secret, Origin = Name },
        };
    }

    /// <summary>Has the helper keep the credential for <paramref name="server"/>, in place of another.</summary>
    public async Task StoreAsync(string server, Credential credential, CancellationToken cancellationToken)
    {
        string? secret = credential.IdentityToken ?? credential.Password;
        if (secret is null || (credential.IdentityToken is null && credential.Username.Length == 0))
        {
            throw new MicaException(ErrorKind.Unsupported, $"{Name}: a credential helper keeps a username with a password, or an identity token");
        }

        var request = new JsonObject
        {
            ["ServerURL"] = server,
            ["Username"] = credential.IdentityToken is null ? credential.Username : TokenUsername,
            ["Secret"] = secret,
        };
        Answer answer = await RunAsync("store", request.ToJsonString(), cancellationToken);
        if (answer.Code != 0)
        {
            throw Failed("store", server, answer, secret);
        }
    }

    /// <summary>Has the helper forget the credential for <paramref name="server"/>; nothing happens when it has none.</summary>
    public async Task EraseAsync(string server, CancellationToken cancellationToken)
    {
        Answer answer = await RunAsync("erase", server, cancellationToken);
        if (answer.Code != 0 && !answer.SaysNotFound)
        {
            throw Failed("erase", server, answer, secret: null);
        }
    }

    /// <summary>The servers that the helper has credentials for, with the user's name.</summary>
    public async Task<IReadOnlyList<(string Server, string Username)>> ListAsync(CancellationToken cancellationToken)
    {
        Answer answer = await RunAsync("list", "", cancellationToken);
        if (answer.Code != 0)
        {
            throw Failed("list", "", answer, secret: null);
        }

        JsonObject members = ParseAnswer("list", answer);
        return [.. members.Select(member => (member.Key, Member(members, member.Key)))];
    }

    private async Task<Answer> RunAsync(string verb, string input, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(locations.ProgramTimeout, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        using Process process = Start(verb);
        var output = new Transcript(process.StandardOutput.BaseStream, stop);
        var errors = new Transcript(process.StandardError.BaseStream, stop);
        try
        {
            Task reading = Task.WhenAll(output.ReadAsync(stop.Token), errors.ReadAsync(stop.Token));
            await SendAsync(process, input, stop.Token);
            await process.WaitForExitAsync(stop.Token);
            await Task.WhenAny(reading, Task.Delay(s_grace, time, stop.Token));
            stop.Token.ThrowIfCancellationRequested();
            return new Answer(process.ExitCode, output.ToString(), errors.ToString());
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw output.IsTooLong || errors.IsTooLong
                ? new MicaException(ErrorKind.Failed, $"{Name} {verb}: wrote more than {MaxOutput} characters")
                : new MicaException(ErrorKind.Unavailable, $"{Name} {verb}: no answer within {locations.ProgramTimeout.TotalSeconds:0.#} s");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    private Process Start(string verb)
    {
        var start = new ProcessStartInfo(FindFile(), [verb])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception error)
        {
            throw new MicaException(ErrorKind.Failed, $"{Name}: cannot be started ({Printable.Of(error.Message)})", error);
        }
    }

    private string FindFile()
    {
        // The name comes from a file: it must not become a path.
        if (name.Length == 0 || name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')))
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"\"{Printable.Of(name)}\" is not the name of a credential helper");
        }

        const UnixFileMode executable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        return locations.ProgramDirectories
            .Where(Path.IsPathFullyQualified)
            .Select(directory => Path.Combine(directory, Name))
            .FirstOrDefault(file => File.Exists(file) && (File.GetUnixFileMode(file) & executable) != 0)
            ?? throw new MicaException(ErrorKind.NotFound, $"{Name}: no such program in PATH; install it, or remove it from the credential configuration");
    }

    private static async Task SendAsync(Process process, string input, CancellationToken cancellationToken)
    {
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(Encoding.UTF8.GetBytes(input), cancellationToken);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading; its exit code tells.
        }
    }

    private JsonObject ParseAnswer(string verb, Answer answer)
    {
        try
        {
            var options = new JsonDocumentOptions { AllowDuplicateProperties = false };
            return JsonNode.Parse(answer.Output, documentOptions: options) as JsonObject ?? throw new JsonException();
        }
        catch (JsonException)
        {
            throw new MicaException(ErrorKind.Failed, $"{Name} {verb}: the answer is not a JSON object");
        }
    }

    private string Member(JsonObject members, string member)
    {
        try
        {
            return members[member]?.GetValue<string>() ?? "";
        }
        catch (InvalidOperationException)
        {
            throw new MicaException(ErrorKind.Failed, $"{Name}: {Printable.Of(member)} in the answer is not a string");
        }
    }

    /// <summary>The first line of what the helper said, unless that is an answer, which would hold the secret.</summary>
    private MicaException Failed(string verb, string server, Answer answer, string? secret)
    {
        string said = answer.Output.Trim() is { Length: > 0 } output ? output : answer.Errors.Trim();
        int end = said.IndexOf('\n', StringComparison.Ordinal);
        string line = said.Contains('{', StringComparison.Ordinal) ? "" : end < 0 ? said : said[..end];
        line = string.IsNullOrEmpty(secret) ? line : line.Replace(secret, "***", StringComparison.Ordinal);
        string what = server.Length == 0 ? verb : $"{verb} {Printable.Of(server)}";
        return new MicaException(ErrorKind.Failed, $"{Name} {what}: {(line.Length == 0 ? $"exit code {answer.Code}" : Printable.Of(line.TrimEnd()))}");
    }

    private readonly record struct Answer(int Code, string Output, string Errors)
    {
        public bool SaysNotFound => Output.Trim() == NotFound || Errors.Trim() == NotFound;

        public override string ToString() => $"exit code {Code}";
    }

    /// <summary>What a stream has delivered so far. More than the bound stops the program.</summary>
    private sealed class Transcript(Stream stream, CancellationTokenSource stop)
    {
        private readonly StringBuilder _content = new();
        private readonly Lock _lock = new();

        public bool IsTooLong { get; private set; }

        public async Task ReadAsync(CancellationToken cancellationToken)
        {
            using var reader = new StreamReader(stream, Encoding.UTF8, detectEncodingFromByteOrderMarks: false, leaveOpen: true);
            char[] buffer = new char[4096];
            for (int count = await reader.ReadAsync(buffer, cancellationToken); count > 0; count = await reader.ReadAsync(buffer, cancellationToken))
            {
                if (_content.Length + count > MaxOutput)
                {
                    IsTooLong = true;
                    await stop.CancelAsync();
                    return;
                }

                lock (_lock)
                {
                    _content.Append(buffer, 0, count);
                }
            }
        }

        public override string ToString()
        {
            lock (_lock)
            {
                return _content.ToString();
            }
        }
    }
}
