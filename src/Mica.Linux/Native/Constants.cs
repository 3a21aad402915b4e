using System.Runtime.InteropServices;

namespace Mica.Linux;

/// <summary>Values of the kernel's headers: the same everywhere but for those that ask for the architecture.</summary>
internal static class Constants
{
    public const int CurrentDirectory = -100; // AT_FDCWD

    // open(2). arm64 took four of its flags from arm, x64 did not.
    public const int ReadOnly = 0;
    public const int WriteOnly = 1;
    public const int ReadWrite = 2;
    public const int Create = 0x40;
    public const int Exclusive = 0x80;
    public const int NonBlocking = 0x800;
    public const int CloseOnExec = 0x80000;
    public const int PathOnly = 0x200000;
    public static readonly int Directory = IsArm ? 0x4000 : 0x10000;
    public static readonly int NoFollow = IsArm ? 0x8000 : 0x20000;

    // The flags of the *at() calls.
    public const int AtSymlinkNoFollow = 0x100;
    public const int AtRemoveDirectory = 0x200;
    public const int AtEmptyPath = 0x1000;

    // openat2(2)
    public const long OpenAt2 = 437;
    public const ulong ResolveNoMountCrossing = 0x01;
    public const ulong ResolveNoMagicLinks = 0x02;
    public const ulong ResolveNoSymlinks = 0x04;
    public const ulong ResolveBeneath = 0x08;
    public const ulong ResolveInRoot = 0x10;

    // flock(2)
    public const int LockShared = 1;
    public const int LockExclusive = 2;
    public const int LockNonBlocking = 4;

    public const uint StatxBasicStats = 0x7ff;
    public const int CloneFileSystemContext = 0x200; // CLONE_FS

    public const long TimeOmit = (1 << 30) - 2; // UTIME_OMIT

    private static bool IsArm => RuntimeInformation.ProcessArchitecture is Architecture.Arm64;
}
