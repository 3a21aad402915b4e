using System.Collections.Immutable;

namespace Mica.Runtime;

/// <summary>
/// Something that a container sees at <paramref name="Destination"/>, an absolute path in it. What is missing on the way there
/// is made, and removed again after the run if nothing else was put there.
/// </summary>
public abstract record ContainerMount(string Destination);

/// <summary>A file, directory or socket of the host, through symbolic links; writes go there.</summary>
/// <param name="Source">On the host.</param>
/// <param name="Destination">In the container.</param>
public sealed record BindMount(string Source, string Destination) : ContainerMount(Destination)
{
    /// <summary>The container cannot write to it.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>What of the source, resolved with the source as the root of everything; null: all.</summary>
    public string? SubPath { get; init; }

    /// <summary>Without what is mounted below the source.</summary>
    public bool IsNotRecursive { get; init; }

    /// <summary>What is mounted later on the machine is seen (<c>slave</c>, <c>rslave</c>) or not (null, <c>private</c>, <c>rprivate</c>).</summary>
    public string? Propagation { get; init; }
}

/// <summary>A file or directory out of a tree that stays as it is.</summary>
/// <param name="LowerDirectories">The tree, topmost first, as in <see cref="RootFileSystem"/>; one plain directory will do.</param>
/// <param name="SubPath">What of it, resolved with the tree as the root of everything, so that no link leads out.</param>
/// <param name="Destination">In the container.</param>
public sealed record TreeMount(ImmutableArray<string> LowerDirectories, string SubPath, string Destination) : ContainerMount(Destination)
{
    /// <summary>The container may write, and nobody ever sees it.</summary>
    public bool DiscardsWrites { get; init; }
}

/// <summary>An empty file system in memory.</summary>
/// <param name="Destination">In the container.</param>
public sealed record TmpfsMount(string Destination) : ContainerMount(Destination)
{
    /// <summary>In bytes; null: half of the memory.</summary>
    public long? SizeBytes { get; init; }

    /// <summary>Further options, as mount(8) takes them; without <c>exec</c> nothing can be executed there when any is given.</summary>
    public ImmutableArray<string> Options { get; init; } = [];
}

/// <summary>A file that is in memory only, for this container only, and cannot be written.</summary>
/// <param name="Content">What is in it.</param>
/// <param name="Destination">In the container.</param>
public sealed record SecretMount(ReadOnlyMemory<byte> Content, string Destination) : ContainerMount(Destination)
{
    /// <summary>Permission bits.</summary>
    public uint Mode { get; init; } = 0x100; // 0400

    /// <summary>Owner.</summary>
    public uint Uid { get; init; }

    /// <summary>Group.</summary>
    public uint Gid { get; init; }
}
