using System.Text;
using Mica.Cli;
using Mica.Cli.Hosting;
using Mica.Cli.Progress;
using Mica.Tests.Cli.Progress;

namespace Mica.Tests.Cli;

/// <summary>Runs command lines in this process, with streams in memory and a clock that stands still.</summary>
#pragma warning disable CA1001 // What it has are streams in memory, which hold nothing that needs to be let go.
internal sealed class FakeHost
#pragma warning restore CA1001
{
    private readonly Dictionary<string, string> _environment = [];
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();

    public static DateTimeOffset Now { get; } = new(2024, 6, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>What the command reads from its standard input.</summary>
    public byte[] Input { get; set; } = [];

    public string? Secret { get; set; }

    public bool IsInputTerminal { get; set; }

    public string Output => _output.ToString();

    public string Error => _error.ToString();

    /// <summary>What was written to standard output as bytes.</summary>
    public byte[] Bytes { get; private set; } = [];

    public FakeHost With(string variable, string value)
    {
        _environment[variable] = value;
        return this;
    }

    public async Task<int> RunAsync(params string[] words)
    {
        using var bytes = new MemoryStream();
        int code = await Application.RunAsync(words, new CliHost
        {
            Environment = CliEnvironment.Read(name => _environment.GetValueOrDefault(name)),
            Output = new StringWriter(_output),
            Error = new StringWriter(_error),
            OpenOutput = () => bytes,
            OpenError = () => new MemoryStream(),
            OpenInput = () => new MemoryStream(Input),
            ReadSecret = () => Secret,
            IsInputTerminal = IsInputTerminal,
            IsOutputTerminal = false,
            IsErrorTerminal = false,
            TerminalSize = () => new TerminalSize(80, 24),
            IsSuperuser = false,
            Time = new ManualTime(Now),
        });
        Bytes = bytes.ToArray();
        return code;
    }

    /// <summary>Everything that one command line did, for goldens.</summary>
    public static async Task<string> TranscriptAsync(params string[] words)
    {
        var host = new FakeHost();
        int code = await host.RunAsync(words);
        return $"$ mica {string.Join(' ', words)}\n{host.Output}{host.Error}[{code}]\n";
    }
}
