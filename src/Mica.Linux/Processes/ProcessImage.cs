namespace Mica.Linux;

/// <summary>The program that this process is.</summary>
public static unsafe class ProcessImage
{
    /// <summary>
    /// Becomes another program, with the same process number, terminal and standard descriptors; whoever waits for this process
    /// gets the other's exit code. Returns only by throwing. execve(2).
    /// </summary>
    public static void Replace(ChildCommand command)
    {
        using StringVector arguments = new(command.Arguments);
        using StringVector environment = new(command.Environment);
        fixed (byte* path = MountTable.Terminated(command.Path))
        {
            _ = Libc.Execute(path, arguments.Pointer, environment.Pointer);
            throw new LinuxException("run", command.Path, Libc.LastError);
        }
    }
}
