using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Mica.Oci;

namespace Mica.Build;

/// <summary>Fetches one commit with the system's <c>git</c> into <paramref name="directory"/>, which is empty.</summary>
public sealed class GitClone(GitAddress address, string directory)
{
    private const int MaxComplaint = 4096;

    /// <summary>When the commit was made; null before it is fetched.</summary>
    public DateTimeOffset? CommitTime { get; private set; }

    /// <summary>The commit's name; null before it is fetched.</summary>
    public string? Commit { get; private set; }

    /// <summary>
    /// The commit that an address means now, without fetching it. A whole name of a commit is taken at its word; an annotated tag
    /// is the commit that it stands for.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: there is no such branch or tag. <see cref="ErrorKind.Unavailable"/>: git says no.</exception>
    public static async Task<string> ResolveAsync(GitAddress address, CancellationToken cancellationToken)
    {
        GitClone asking = new(address, "/"); // where nobody else can put a repository
        string reference = asking.CheckedReference();
        if (reference.Length is 40 or 64 && IsCommit(reference))
        {
            return reference;
        }

        (int code, string output, string complaint) = await asking.StartAsync(["ls-remote", "--", address.Repository, reference, reference + "^{}"], cancellationToken);
        if (code != 0)
        {
            throw asking.Failure(ErrorKind.Unavailable, $"git ls-remote failed: {complaint}");
        }

        (string Commit, string Name)[] found = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))
            .Where(parts => parts.Length == 2).Select(parts => (parts[0], parts[1]))];
        string[] wanted = [$"refs/tags/{reference}^{{}}", $"refs/heads/{reference}", $"refs/tags/{reference}", reference];
        foreach (string name in wanted)
        {
            if (found.FirstOrDefault(entry => entry.Name == name) is { Commit: { } commit } && IsCommit(commit))
            {
                return address.Checksum is null || commit.StartsWith(address.Checksum, StringComparison.Ordinal) ? commit
                    : throw asking.Failure(ErrorKind.ContentMismatch, $"the commit is {commit}, not {Printable.Of(address.Checksum)}");
            }
        }

        // The beginning of a commit's name is no name that a server knows.
        return IsCommit(reference) ? reference : throw asking.Failure(ErrorKind.NotFound, $"there is no branch or tag {Printable.Of(reference)}");
    }

    /// <summary>The directory that the address means.</summary>
    public async Task<string> RunAsync(CancellationToken cancellationToken)
    {
        string reference = CheckedReference();
        await GitAsync(cancellationToken, "init", "--quiet", ".");

        // A commit that is no branch's or tag's end is not given out by every server; then everything has to be fetched.
        if (await TryGitAsync(cancellationToken, "fetch", "--quiet", "--depth=1", "--no-tags", "--", address.Repository, reference) is not null)
        {
            if (!IsCommit(reference))
            {
                await GitAsync(cancellationToken, "fetch", "--quiet", "--depth=1", "--", address.Repository, reference);
            }

            await GitAsync(cancellationToken, "fetch", "--quiet", "--tags", "--", address.Repository, "+refs/heads/*:refs/remotes/origin/*");
            await GitAsync(cancellationToken, "update-ref", "FETCH_HEAD", reference + "^{commit}");
        }

        await GitAsync(cancellationToken, "-c", "advice.detachedHead=false", "checkout", "--quiet", "--force", "FETCH_HEAD");
        await CheckAsync(cancellationToken);
        if (address.HasSubmodules)
        {
            await GitAsync(cancellationToken, "submodule", "--quiet", "update", "--init", "--recursive", "--depth=1");
        }

        return Inside();
    }

    private string CheckedReference() => address.Reference is ['-', ..]
        ? throw Failure(ErrorKind.InvalidArgument, "the reference begins with a dash") : address.Reference ?? "HEAD";

    private async Task CheckAsync(CancellationToken cancellationToken)
    {
        CommitTime = long.TryParse((await OutputAsync(cancellationToken, "show", "--no-patch", "--format=%ct", "HEAD")).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long seconds)
            ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null;
        Commit = (await OutputAsync(cancellationToken, "rev-parse", "HEAD")).Trim();
        if (address.Checksum is { } checksum && !Commit.StartsWith(checksum, StringComparison.Ordinal))
        {
            throw Failure(ErrorKind.ContentMismatch, $"the commit is {Printable.Of(Commit)}, not {Printable.Of(checksum)}");
        }
    }

    /// <summary>The directory of the address, which no link in the repository may lead out of it.</summary>
    private string Inside()
    {
        if (!address.KeepsGitDirectory)
        {
            Directory.Delete(Path.Join(directory, ".git"), recursive: true);
        }

        string path = directory;
        foreach (string name in (address.Directory ?? "").Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            path = Path.Join(path, name);
            if (name == ".." || new DirectoryInfo(path) is not { Exists: true, LinkTarget: null })
            {
                throw Failure(ErrorKind.NotFound, $"it has no directory {Printable.Of(address.Directory)}");
            }
        }

        return path;
    }

    private static bool IsCommit(string reference) => reference.Length is >= 7 and <= 64 && reference.All(char.IsAsciiHexDigitLower);

    private MicaException Failure(ErrorKind kind, string problem) => new(kind, $"{Printable.Of(address.ToString())}: {problem}");

    private async Task GitAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        if (await TryGitAsync(cancellationToken, arguments) is { } complaint)
        {
            throw Failure(ErrorKind.Unavailable, $"git {arguments[0]} failed: {complaint}");
        }
    }

    /// <summary>Null when it went well, else what git complains about, in one line.</summary>
    private async Task<string?> TryGitAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        (int code, _, string complaint) = await StartAsync(arguments, cancellationToken);
        return code == 0 ? null : complaint;
    }

    private async Task<string> OutputAsync(CancellationToken cancellationToken, params string[] arguments) =>
        (await StartAsync(arguments, cancellationToken)).Output;

    private async Task<(int Code, string Output, string Complaint)> StartAsync(string[] arguments, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("git", ["-C", directory, "-c", "protocol.ext.allow=never", .. arguments])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };

        // Nobody is there to be asked for a password.
        start.Environment["GIT_TERMINAL_PROMPT"] = "0";
        start.Environment["LC_ALL"] = "C";
        using Process process = Start(start);
        process.StandardInput.Close();
        await using CancellationTokenRegistration stop = cancellationToken.Register(() => process.Kill(entireProcessTree: true));
        Task<string> error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        string output = await process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        string complaint = await error;
        await process.WaitForExitAsync(CancellationToken.None);
        cancellationToken.ThrowIfCancellationRequested();
        string last = complaint[^Math.Min(complaint.Length, MaxComplaint)..].Trim().Split('\n').LastOrDefault(line => line.StartsWith("fatal:", StringComparison.Ordinal))
            ?? complaint.Trim().Split('\n')[^1];
        return (process.ExitCode, output, Printable.Of(Redacted(last)));
    }

    /// <summary>Git repeats the address, and there may be a password in it.</summary>
    private string Redacted(string text) => text.Replace(address.Repository, address.ShownRepository, StringComparison.Ordinal);

    private Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception failure)
        {
            throw new MicaException(ErrorKind.Unsupported, $"{Printable.Of(address.ToString())}: git is not installed; it is needed for git repositories", failure);
        }
    }
}
