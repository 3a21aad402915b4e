namespace Mica.Layers;

/// <summary>The uncompressed bytes of a layer in large pieces.</summary>
internal interface IChunkSource
{
    /// <summary>The next piece, valid until the next call; empty at the end, again and again.</summary>
    ReadOnlyMemory<byte> Next();
}
