namespace Mica.Linux;

/// <summary>Who this process is to the kernel.</summary>
public static class LinuxUser
{
    /// <summary>The user id that decides what is allowed. geteuid(2).</summary>
    public static uint EffectiveUserId => Libc.GetEffectiveUserId();

    /// <summary>The group id that new files get. getegid(2).</summary>
    public static uint EffectiveGroupId => Libc.GetEffectiveGroupId();
}
