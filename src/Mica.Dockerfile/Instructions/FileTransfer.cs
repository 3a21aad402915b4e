using System.Collections.Immutable;

namespace Mica.Dockerfile;

/// <summary>A file whose content stands in the Dockerfile, as here-document of COPY or ADD.</summary>
/// <param name="Name">Its name in a destination that is a directory.</param>
/// <param name="Content">Without leading tabs when it is chomped.</param>
/// <param name="Expand">Whether variables in it are replaced.</param>
public sealed record InlineFile(string Name, string Content, bool Expand);

/// <summary>One source: a path, URL or pattern, or an inline file.</summary>
public abstract record TransferSource;

/// <summary>A path or pattern below the source's root, or for ADD a URL or repository.</summary>
public sealed record PathSource(string Path) : TransferSource;

/// <summary>A here-document.</summary>
public sealed record InlineSource(InlineFile File) : TransferSource;

/// <summary>What COPY and ADD have in common.</summary>
public sealed record FileTransfer
{
    /// <summary>In their order; at least one.</summary>
    public required ImmutableArray<TransferSource> Sources { get; init; }

    /// <summary>A path in the image; relative to the working directory. With <c>/</c> at its end a directory.</summary>
    public required string Destination { get; init; }

    /// <summary><c>user[:group]</c>; null leaves root.</summary>
    public string? Owner { get; init; }

    /// <summary>Octal digits, or symbolic such as <c>u=rwX,go=rX</c>; null keeps the sources' modes.</summary>
    public string? Mode { get; init; }

    /// <summary>The files are a layer of their own that depends on no layer below.</summary>
    public bool Link { get; init; }

    /// <summary>Parent directories of the sources are kept, from the <c>./</c> in them on.</summary>
    public bool Parents { get; init; }

    /// <summary>Patterns of what is left out, in the order of the flags.</summary>
    public ImmutableArray<string> Exclude { get; init; } = [];

    /// <summary>The sources that are paths.</summary>
    public IEnumerable<string> Paths => Sources.OfType<PathSource>().Select(source => source.Path);
}
