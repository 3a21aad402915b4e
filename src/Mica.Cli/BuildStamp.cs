namespace Mica.Cli;

/// <summary>Which mica this is. The values are compiled in by the project file; reading attributes would cost start-up time.</summary>
internal static partial class BuildStamp
{
    private const int ShortLength = 7;

    /// <summary>The commit, shortened; <c>unknown</c> outside of a repository.</summary>
    public static string ShortCommit => Commit.Length > ShortLength ? Commit[..ShortLength] : Commit.Length == 0 ? "unknown" : Commit;
}
