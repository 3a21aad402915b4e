using Mica.Cli.Hosting;

namespace Mica.Cli;

internal static class Program
{
    private static Task<int> Main(string[] words) => Application.RunAsync(words, CliHost.OfProcess());
}
