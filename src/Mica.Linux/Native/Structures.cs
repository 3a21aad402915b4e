using System.Runtime.InteropServices;

namespace Mica.Linux;

/// <summary><c>struct timespec</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Timespec
{
    public long Seconds;
    public long Nanoseconds;
}

/// <summary><c>struct statx</c>: unlike <c>struct stat</c>, the same on every architecture.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct StatxBuffer
{
    [FieldOffset(0x10)]
    public uint LinkCount;

    [FieldOffset(0x14)]
    public uint Uid;

    [FieldOffset(0x18)]
    public uint Gid;

    [FieldOffset(0x1c)]
    public ushort Mode;

    [FieldOffset(0x20)]
    public ulong Inode;

    [FieldOffset(0x28)]
    public ulong Size;

    [FieldOffset(0x30)]
    public ulong Blocks;

    [FieldOffset(0x60)]
    public long ChangeSeconds;

    [FieldOffset(0x68)]
    public uint ChangeNanoseconds;

    [FieldOffset(0x70)]
    public long ModificationSeconds;

    [FieldOffset(0x78)]
    public uint ModificationNanoseconds;

    [FieldOffset(0x80)]
    public uint NodeMajor;

    [FieldOffset(0x84)]
    public uint NodeMinor;

    [FieldOffset(0x88)]
    public uint DeviceMajor;

    [FieldOffset(0x8c)]
    public uint DeviceMinor;
}

/// <summary><c>struct statfs</c> of 64-bit architectures.</summary>
[StructLayout(LayoutKind.Explicit, Size = 120)]
internal struct StatfsBuffer
{
    [FieldOffset(8)]
    public long BlockSize;

    [FieldOffset(16)]
    public ulong Blocks;

    [FieldOffset(24)]
    public ulong BlocksFree;

    [FieldOffset(32)]
    public ulong BlocksAvailable;

    [FieldOffset(40)]
    public ulong Files;

    [FieldOffset(48)]
    public ulong FilesFree;

    [FieldOffset(72)]
    public long FragmentSize;
}

/// <summary><c>struct open_how</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct OpenHow
{
    public ulong Flags;
    public ulong Mode;
    public ulong Resolve;
}

/// <summary><c>struct pollfd</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PollDescriptor
{
    public int Descriptor;
    public short Events;
    public short Returned;
}
