using Mica.Layers;
using Mica.Linux;

namespace Mica.Engine;

/// <summary>The newest file of an unpacked archive.</summary>
internal static class NewestEntry
{
    /// <param name="root">Where it was unpacked to.</param>
    /// <param name="implied">Directories that the archive has no entry for.</param>
    /// <returns>Its time, in whole seconds; null when there is nothing.</returns>
    public static DateTimeOffset? Find(DirectoryHandle root, HashSet<LinuxPath> implied)
    {
        long? newest = null;
        Visit(root, default);
        return newest is { } seconds ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null;

        void Visit(DirectoryHandle directory, LinuxPath path)
        {
            using var reader = new DirectoryReader(directory);
            while (reader.TryRead(out ReadOnlySpan<byte> name, out _))
            {
                byte[] copy = name.ToArray();
                LinuxPath full = path.Append(copy);
                FileStatus status = directory.GetStatus(copy);
                if (!implied.Contains(full) && status.Modified.Seconds is >= 0 and <= SourceDateEpoch.MaxSeconds)
                {
                    newest = Math.Max(newest ?? 0, status.Modified.Seconds);
                }

                if (status.Kind == FileKind.Directory)
                {
                    using DirectoryHandle inner = directory.OpenDirectory(copy);
                    Visit(inner, full);
                }
            }
        }
    }
}
