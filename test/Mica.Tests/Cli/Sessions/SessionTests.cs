using System.Text;
using Mica.Tests.Registry;

namespace Mica.Tests.Cli.Sessions;

/// <summary>
/// Whole sessions: each file in <c>testdata/cli/sessions</c> has command lines, and below each what it prints and, when it is
/// not 0, the exit code. They run in order against a new store and the registry REGISTRY with the images of
/// <see cref="SessionImages"/>; DIR is a directory of their own. A new case is a new line or file; <c>MICA_ACCEPT=1</c> fills in
/// what is printed. <c>&lt;</c> gives a command its input.
/// </summary>
public sealed class SessionTests
{
    private const string Prompt = "$ mica ";

    /// <summary>As wide as what it stands for, so that tables stay as they are.</summary>
    private const string RegistryName = "REGISTRY.tst:50";

    public static TheoryData<string> Sessions => [.. Directory.GetFiles(Golden.PathOf("sessions")).Select(path => Path.GetFileNameWithoutExtension(path)).Order()];

    [Theory]
    [MemberData(nameof(Sessions))]
    public async Task Session_CommandsInOrder_PrintWhatTheFileSays(string session)
    {
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        await using TestRegistry registry = await TestRegistry.StartAsync();
        await SessionImages.FillAsync(registry, cancellationToken);
        DirectoryInfo directory = Directory.CreateTempSubdirectory("mica-session-");
        SessionDockerfiles.Write(directory.FullName);
        try
        {
            var transcript = new StringBuilder();
            foreach (string line in Golden.Read($"sessions/{session}.txt").Split('\n'))
            {
                if (line.StartsWith(Prompt, StringComparison.Ordinal))
                {
                    transcript.Append(line).Append('\n').Append(await RunAsync(line[Prompt.Length..], registry.Host, directory.FullName)).Append('\n');
                }
                else if (line.StartsWith("# ", StringComparison.Ordinal))
                {
                    transcript.Append(line).Append("\n\n");
                }
            }

            Golden.Verify($"sessions/{session}.txt", transcript.ToString().TrimEnd('\n') + "\n");
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task<string> RunAsync(string line, string registry, string directory)
    {
        var host = new FakeHost();
        host.With("HOME", directory).With("MICA_ROOT", Path.Join(directory, "store"));
        string[] sides = line.Split(" < ");
        if (sides.Length == 2)
        {
            host.Input = sides[1] switch
            {
                "yes" => "y\n"u8.ToArray(),
                "no" => "n\n"u8.ToArray(),
                string file => await File.ReadAllBytesAsync(file.Replace("DIR", directory, StringComparison.Ordinal), TestContext.Current.CancellationToken),
            };
        }

        string[] words = [.. SplitWords(sides[0]).Select(word => word
            .Replace(RegistryName, registry, StringComparison.Ordinal).Replace("DIR", directory, StringComparison.Ordinal))];
        int code = await host.RunAsync(words);
        string output = (host.Output + host.Error)
            .Replace(registry, RegistryName, StringComparison.Ordinal).Replace(directory, "DIR", StringComparison.Ordinal);
        return output + (code == 0 ? "" : $"[{code}]\n");
    }

    /// <summary>Words are separated by blanks; single quotes hold them together.</summary>
    private static IEnumerable<string> SplitWords(string line)
    {
        var word = new StringBuilder();
        bool quoted = false;
        foreach (char c in line + " ")
        {
            if (c == '\'')
            {
                quoted = !quoted;
            }
            else if (c != ' ' || quoted)
            {
                word.Append(c);
            }
            else if (word.Length > 0)
            {
                yield return word.ToString();
                word.Clear();
            }
        }
    }
}
