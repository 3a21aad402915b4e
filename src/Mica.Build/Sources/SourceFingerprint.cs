using Mica.Linux;

namespace Mica.Build;

/// <summary>
/// Tells whether two walks over the same files saw the same: names, and what the kernel changes whenever a file changes.
/// Counts within this process only.
/// </summary>
internal sealed class SourceFingerprint
{
    private HashCode _hash;

    public int Value => _hash.ToHashCode();

    public void Add(in SourceEntry entry)
    {
        _hash.AddBytes(entry.Name);
        // Reading a directory changes nothing, but what is in it counts by itself.
        if (entry.Status.Kind != FileKind.Directory)
        {
            _hash.Add(entry.Status.Identity);
            _hash.Add(entry.Status.Size);
            _hash.Add(entry.Status.Modified);
            _hash.Add(entry.Status.Changed);
        }
    }

    public static bool IsSame(in FileStatus left, in FileStatus right) => left.Identity == right.Identity && left.Size == right.Size
        && left.Modified == right.Modified && left.Changed == right.Changed;
}
