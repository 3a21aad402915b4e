using Mica.Build;
using Mica.Oci;

namespace Mica.Engine;

/// <summary>Where a build gets its files from.</summary>
public abstract record BuildContext
{
    private protected BuildContext()
    {
    }
}

/// <summary>A directory of this machine.</summary>
/// <param name="Directory">Its path.</param>
public sealed record DirectoryBuildContext(string Directory) : BuildContext;

/// <summary>
/// What comes from a stream, such as standard input: a Dockerfile, and then there are no files; or a tar, compressed or not,
/// with the files and the Dockerfile in it. The bytes tell which.
/// </summary>
/// <param name="Content">Is read to its end; stays the caller's.</param>
public sealed record StreamBuildContext(Stream Content) : BuildContext;

/// <summary>The same from an <c>http://</c> or <c>https://</c> address.</summary>
/// <param name="Address">Where it is.</param>
public sealed record WebBuildContext(Uri Address) : BuildContext;

/// <summary>A commit of a git repository, fetched with the system's <c>git</c>.</summary>
/// <param name="Address">The repository, the commit, and the directory in it.</param>
public sealed record GitBuildContext(GitAddress Address) : BuildContext;

/// <summary>Another context of a build, by name: <c>--build-context</c>.</summary>
public abstract record NamedBuildContext
{
    private protected NamedBuildContext()
    {
    }

    /// <summary>
    /// Reads <c>docker-image://NAME</c>, <c>oci-layout://DIR[:TAG][@DIGEST]</c>, a directory, a git repository or an address.
    /// </summary>
    /// <param name="text">What follows <c>NAME=</c>.</param>
    /// <param name="workingDirectory">What a relative path is relative to.</param>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/> or <see cref="ErrorKind.Unsupported"/>.</exception>
    public static NamedBuildContext Parse(string text, string workingDirectory)
    {
        const string Image = "docker-image://";
        if (text.StartsWith(Image, StringComparison.Ordinal))
        {
            return new ImageBuildContext(ImageReference.Parse(text[Image.Length..]));
        }

        const string Layout = "oci-layout://";
        if (text.StartsWith(Layout, StringComparison.Ordinal))
        {
            return LayoutBuildContext.Of(text[Layout.Length..], workingDirectory);
        }

        if (text.StartsWith("target:", StringComparison.Ordinal))
        {
            throw new MicaException(ErrorKind.Unsupported, "--build-context: target: is for bake files, which there are none of here; there are directories, docker-image://, oci-layout://, git and http");
        }

        return GitAddress.TryParse(text, out GitAddress? git) ? new FilesBuildContext(new GitBuildContext(git))
            : BuildContextText.IsWebAddress(text, out Uri? address) ? new FilesBuildContext(new WebBuildContext(address))
            : new FilesBuildContext(new DirectoryBuildContext(Path.GetFullPath(text, workingDirectory)));
    }
}

/// <summary>An image as context.</summary>
/// <param name="Reference">Its name.</param>
public sealed record ImageBuildContext(ImageReference Reference) : NamedBuildContext;

/// <summary>Files as context.</summary>
/// <param name="Files">Where they are.</param>
public sealed record FilesBuildContext(BuildContext Files) : NamedBuildContext;

/// <summary>An image of an OCI image layout as context.</summary>
/// <param name="Directory">The layout's.</param>
/// <param name="Reference">Its tag, or its digest.</param>
public sealed record LayoutBuildContext(string Directory, string Reference) : NamedBuildContext
{
    internal static LayoutBuildContext Of(string text, string workingDirectory)
    {
        int at = text.LastIndexOf('@');
        string before = at < 0 ? text : text[..at];
        int colon = before.LastIndexOf(':');
        bool hasTag = colon > before.LastIndexOf('/');
        string reference = at >= 0 ? text[(at + 1)..] : hasTag ? before[(colon + 1)..] : ImageReference.DefaultTag;
        string path = hasTag ? before[..colon] : before;
        return path.Length == 0 || (at >= 0 && !Digest.TryParse(reference, out _))
            ? throw new MicaException(ErrorKind.InvalidArgument, $"--build-context: oci-layout://{Printable.Of(text)}: it is oci-layout://DIR[:TAG][@DIGEST]")
            : new LayoutBuildContext(Path.GetFullPath(path, workingDirectory), reference);
    }
}
