using Mica.Layers;
using Mica.Store;

namespace Mica.Engine;

/// <summary>What becomes of a build's result: <c>--output</c>.</summary>
public abstract record BuildOutput
{
    private protected BuildOutput()
    {
    }

    /// <summary>
    /// Whether times of new files that are later than <c>SOURCE_DATE_EPOCH</c> are set back to it; null for yes. Layers of base
    /// images stay as they are.
    /// </summary>
    public bool? RewritesTimestamps { get; init; }
}

/// <summary>An image of the store, with the build's names; <paramref name="Push"/>: at their registries too.</summary>
/// <param name="Push">Also pushes it under its names.</param>
/// <param name="Compression">Of its layers at the registries.</param>
public sealed record ImageOutput(bool Push = false, LayerCompression Compression = LayerCompression.Gzip) : BuildOutput;

/// <summary>The files of the image, in a directory; of several platforms each in one of its own.</summary>
/// <param name="Directory">Is made if it is not there; what is in it stays unless the image has the same path.</param>
public sealed record LocalOutput(string Directory) : BuildOutput;

/// <summary>The files of the image as a tar.</summary>
/// <param name="To">Where it goes.</param>
public sealed record TarOutput(OutputPlace To) : BuildOutput;

/// <summary>An archive that <c>mica load</c>, <c>docker load</c> and others read.</summary>
/// <param name="Form">Which tools read it.</param>
/// <param name="To">Where it goes.</param>
/// <param name="Compression">Of its layers; null leaves them as they are, those of the build uncompressed.</param>
public sealed record ArchiveOutput(ImageArchiveForm Form, OutputPlace To, LayerCompression? Compression = null) : BuildOutput;

/// <summary>Nothing but the build cache.</summary>
public sealed record CacheOnlyOutput : BuildOutput;

/// <summary>A file, which appears when it is whole, or a stream, which stays the caller's.</summary>
public sealed record OutputPlace
{
    private OutputPlace(string? file, Stream? stream)
    {
        File = file;
        Stream = stream;
    }

    /// <summary>The file's path; null for a stream.</summary>
    public string? File { get; }

    /// <summary>The stream; null for a file.</summary>
    public Stream? Stream { get; }

    /// <summary>A file.</summary>
    public static OutputPlace Of(string file) => new(file, null);

    /// <summary>A stream, such as standard output.</summary>
    public static OutputPlace Of(Stream stream) => new(null, stream);
}
