using Microsoft.Win32.SafeHandles;

namespace Mica.Linux;

/// <summary>An open file that stands for something else, such as a namespace.</summary>
public sealed class DescriptorFile : IDisposable
{
    private readonly SafeFileHandle _handle;

    private DescriptorFile(SafeFileHandle handle) => _handle = handle;

    /// <summary>Its number in this process.</summary>
    public int Descriptor => (int)_handle.DangerousGetHandle();

    /// <summary>Opens it.</summary>
    public static unsafe DescriptorFile Open(string path)
    {
        fixed (byte* cPath = MountTable.Terminated(path))
        {
            int descriptor = Libc.Open(cPath, Constants.ReadOnly | Constants.CloseOnExec, 0);
            return descriptor < 0 ? throw new LinuxException("open", path, Libc.LastError) : new DescriptorFile(new SafeFileHandle(descriptor, ownsHandle: true));
        }
    }

    /// <summary>Runs <paramref name="work"/> on a thread of its own that is in the network namespace which this file stands for.</summary>
    public void RunInNetwork(Action work)
    {
        System.Runtime.ExceptionServices.ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                if (Libc.SetNamespace(Descriptor, Constants.CloneNewNetwork) < 0)
                {
                    throw new LinuxException("enter network namespace", [], Libc.LastError);
                }

                work();
            }
            catch (Exception error)
            {
                failure = System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(error);
            }
        })
        {
            IsBackground = true,
            Name = "network namespace",
        };
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    /// <summary>Closes it.</summary>
    public void Dispose() => _handle.Dispose();
}
