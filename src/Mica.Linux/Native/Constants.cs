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

    // unshare(2)
    public const int CloneNewMounts = 0x20000; // CLONE_NEWNS
    public const int CloneNewProcesses = 0x20000000; // CLONE_NEWPID
    public const int CloneNewNetwork = 0x40000000; // CLONE_NEWNET

    // mount(2), umount2(2)
    public const ulong MountReadOnly = 1;
    public const ulong MountNoSetId = 2;
    public const ulong MountNoDevices = 4;
    public const ulong MountBind = 0x1000;
    public const ulong MountRecursive = 0x4000;
    public const ulong MountPrivate = 0x40000;
    public const ulong MountSlave = 0x80000;
    public const int UnmountDetach = 2; // MNT_DETACH

    // The mount calls since Linux 5.2 have the same numbers everywhere.
    public const long MoveMount = 429;
    public const long FileSystemOpen = 430;
    public const long FileSystemConfigure = 431;
    public const long FileSystemMount = 432;
    public const int FileSystemCloseOnExec = 1; // FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC
    public const int ConfigureFlag = 0; // FSCONFIG_SET_FLAG
    public const int ConfigureString = 1;
    public const int ConfigureCreate = 6;
    public const int MoveFromEmptyPath = 4; // MOVE_MOUNT_F_EMPTY_PATH

    // poll(2), waitpid(2), posix_spawn(3)
    public const short PollIn = 1;
    public const short SpawnSetDefault = 4;
    public const short SpawnSetMask = 8;
    public const short SpawnSetSession = 0x80;

    public const long TimeOmit = (1 << 30) - 2; // UTIME_OMIT

    private static bool IsArm => RuntimeInformation.ProcessArchitecture is Architecture.Arm64;
}
