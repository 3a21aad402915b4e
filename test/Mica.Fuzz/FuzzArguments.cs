using System.Globalization;

namespace Mica.Fuzz;

/// <summary>What follows the name of the target.</summary>
internal sealed record FuzzArguments
{
    /// <summary>How long to make inputs; null when nothing is said.</summary>
    public int? Seconds { get; private set; }

    /// <summary>By chance, when nothing is said.</summary>
    public int Seed { get; private set; } = Random.Shared.Next();

    /// <summary>Where to write the target's seeds instead of running it; null when nothing is said.</summary>
    public string? SeedDirectory { get; private set; }

    /// <summary>The content of the files, and of those in the directories.</summary>
    public List<byte[]> Files { get; } = [];

    /// <summary>Null, with the problem, for what is no option and no file.</summary>
    public static FuzzArguments? Parse(ReadOnlySpan<string> words, out string? problem)
    {
        problem = null;
        var arguments = new FuzzArguments();
        for (int at = 0; at < words.Length; at++)
        {
            string word = words[at];
            if (word is "--seconds" or "--seed")
            {
                if (at + 1 == words.Length || !int.TryParse(words[++at], NumberStyles.None, CultureInfo.InvariantCulture, out int number))
                {
                    problem = $"{word} takes a number";
                    return null;
                }

                arguments.Set(word, number);
            }
            else if (word == "--write-seeds" && at + 1 < words.Length)
            {
                arguments.SeedDirectory = words[++at];
            }
            else if (!arguments.AddFiles(word))
            {
                problem = $"{word}: neither an option nor a file";
                return null;
            }
        }

        return arguments;
    }

    private void Set(string option, int number)
    {
        if (option == "--seed")
        {
            Seed = number;
        }
        else
        {
            Seconds = number;
        }
    }

    private bool AddFiles(string path)
    {
        string[] files = Directory.Exists(path) ? Directory.GetFiles(path, "*", SearchOption.AllDirectories) : [path];
        Files.AddRange(files.Where(File.Exists).Order(StringComparer.Ordinal).Select(File.ReadAllBytes));
        return Path.Exists(path);
    }
}
