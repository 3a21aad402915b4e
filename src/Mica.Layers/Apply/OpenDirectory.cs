using Mica.Linux;

namespace Mica.Layers;

/// <summary>
/// A directory of the layer that is open for changes. While it is open its mode may be wider than it is meant to be, and its
/// times are those of the last change; <see cref="Close"/> puts both right. A directory that is opened again later needs no
/// memory of what they were: they are on the disk.
/// </summary>
internal sealed class OpenDirectory(byte[] path, DirectoryHandle handle)
{
    private uint? _mode;
    private FileTime? _accessed;
    private FileTime _modified;
    private bool _changed;

    /// <summary>From the root, with no link in it; the root is empty.</summary>
    public byte[] Path { get; } = path;

    /// <summary>Where names are created.</summary>
    public DirectoryHandle Handle { get; } = handle;

    /// <summary>Its place in the order of use, oldest first.</summary>
    public LinkedListNode<OpenDirectory>? Place { get; set; }

    /// <summary>In use by the current entry: it stays open.</summary>
    public bool IsPinned { get; set; }

    /// <summary>The times are to be kept from here on.</summary>
    public void KeepTimes(FileTime? accessed, FileTime modified)
    {
        _accessed = accessed;
        _modified = modified;
        _changed = true;
    }

    /// <summary>The times are kept if anything is changed: call it before the first change.</summary>
    public void RememberTime(FileTime modified) => _modified = modified;

    /// <summary>A name is about to be added or removed.</summary>
    public void Touch() => _changed = true;

    /// <summary>The mode that it has when it is closed.</summary>
    public void KeepMode(uint mode) => _mode = mode;

    /// <summary>Puts mode and times right and closes.</summary>
    public void Close()
    {
        try
        {
            if (_mode is { } mode)
            {
                Handle.SetMode(mode);
            }

            if (_changed)
            {
                Handle.SetTimes(_accessed, _modified);
            }
        }
        finally
        {
            Handle.Dispose();
        }
    }
}
